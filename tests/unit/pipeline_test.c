/* The queue of what a server owes: each conversation is one line, requests and replies in order. */
#include <string.h>

#include "protocol/message.h"
#include "protocol/pipeline.h"
#include "tests/unit/tap.h"

/*
 * Plays a conversation: ">X" sends the request X, "<X" receives the reply X; "<Z" is followed by a
 * status letter. Answers the reply class of the last reply.
 */
static enum reply play(struct pipeline *pipeline, const char *script)
{
	enum reply last = REPLY_FORWARD;
	for (const char *s = script; *s != '\0'; s++) {
		if (*s == '>')
			pipeline_request(pipeline, (unsigned char)*++s);
		if (*s != '<')
			continue;
		unsigned char letter = (unsigned char)*++s;
		last = pipeline_reply(pipeline, letter, letter == 'Z' ? *++s : 0);
	}
	return last;
}

enum outcome { IDLE, BUSY, IN_BLOCK, WRONG, DOUBT };

struct conversation {
	const char *script;
	enum outcome outcome;
	const char *name;
};

static const struct conversation conversations[] = {
	{"", IDLE, "nothing was said"},
	{">Q", BUSY, "a query is out"},
	{">Q<T<D<C<ZI", IDLE, "a simple query"},
	{">Q<T<D<C", BUSY, "a simple query before ReadyForQuery"},
	{">Q<C<ZT", IN_BLOCK, "BEGIN"},
	{">Q<E<ZE", IN_BLOCK, "an error in a transaction block"},
	{">Q<E<ZI", IDLE, "an error outside"},
	{">Q<C<T<D<C<I<ZI", IDLE, "several statements in one string"},
	{">Q>Q<C<ZI", BUSY, "two queries, one answered"},
	{">P>B>D>E>S<1<2<T<D<C<ZI", IDLE, "the extended protocol"},
	{">P>D>S<1<t<T<ZI", IDLE, "describing a statement with a result"},
	{">P>D>S<1<t<n<ZI", IDLE, "describing a statement without"},
	{">B>E>S<2<D<s<ZI", IDLE, "a suspended portal"},
	{">P>H<1", BUSY, "Parse and Flush, no Sync yet"},
	{">P>S>P>H<1<ZI<1", BUSY, "a second Parse after an answered Sync keeps the link"},
	{">P>B>E>S<E<ZI", IDLE, "an error skips to the Sync"},
	{">P>B>E>S>P>B>E>S<E<ZI", BUSY, "an error skips to the first Sync only"},
	{">P>B>E>S>P>B>E>S<E<ZI<1<2<C<ZI", IDLE, "and the next part goes on"},
	{">P>B>E<E", BUSY, "after an error without a Sync the server waits for one"},
	{">P<E>B>E>S<ZI", IDLE, "what is sent meanwhile is ignored"},
	{">P<E>Q>S<ZI", IDLE, "a Query too"},
	{">P>B>E>Q>S<E<ZI", IDLE, "a Query behind the failed part is skipped"},
	{">P>B>E>Q<1<2<C<E<ZI", IDLE, "an error of the Query itself is not"},
	{">S<ZI", IDLE, "a Sync alone"},
	{">S>S>S<ZI<ZI", BUSY, "three Syncs, two answers"},
	{">E>S<E<ZI", IDLE, "a deferred constraint fails at Sync"},
	{">F<V<ZI", IDLE, "a function call"},
	{">C>S<3<ZI", IDLE, "closing a statement"},
	{">Q<H<d<d<c<C<ZI", IDLE, "COPY OUT"},
	{">Q<G>d>d>c<C<ZI", IDLE, "COPY IN"},
	{">Q<G>d>f<E<ZI", IDLE, "COPY IN ended by the client"},
	{">Q<G>d<E<ZI>d>c", IDLE, "late data after an error belongs to nothing"},
	{">Q<E<ZI>d>c", IDLE, "data for a COPY that never began"},
	{">Q<G>d>c<C<G>d>c<C<ZI", IDLE, "two COPYs in one string"},
	{">Q>d>c>d>c>S<G<C<G<C<ZI<ZI", IDLE, "two COPYs in one string, sent at once"},
	{">P>B>E>H<1<2<G>d>c>P>B>E>d>c>S<C<1<2<G<C<ZI", IDLE, "a COPY sent behind the end of one"},
	{">P>B>E>S>c>c<1<2<G<C", BUSY, "an end too many is no Sync"},
	{">P>B>E>S>c>c>S<1<2<G<C<ZI", IDLE, "nor does it take one"},
	{">P>B>E>S<1<2<G>d>c>f>S<E<ZI", DOUBT, "nor is it in doubt whether it is skipped"},
	{">P>B>E>S<1<2<G>d>c<C", BUSY, "extended COPY IN swallows the first Sync"},
	{">P>B>E>S<1<2<G>d>c>S<C<ZI", IDLE, "and the Sync after CopyDone is answered"},
	{">P>B>E>S>d>c>S<1<2<G<C<ZI", IDLE, "the same sent at once"},
	{">P>B>E>S>d>c>S<1<2<E<ZI<ZI", IDLE, "sent at once, and the COPY never begins"},
	{">P>B>E>S<1<2<G>d>c>S<E<ZI", DOUBT, "an extended COPY fails: one Sync may be owed"},
	{">P>B>E>S<1<2<G>d>c>S<E<ZI>q<I<ZI", IDLE, "the empty query shows that it was not"},
	{">P>B>E>S<1<2<G>d>c>S<E<ZI>q<ZI<I<ZI", IDLE, "or that it was"},
	{">P>B>D>E>S<1<2<n<G<E<ZI", IDLE, "an extended COPY fails before its first read"},
	{">P>B>D>E>S<1<2<n<G<E<ZI>d>c>S<ZI", IDLE, "and its late data is answered once more"},
	{">P>B>D>E>S>S<1<2<n<G<E<ZI<ZI", IDLE, "with two Syncs both are answered"},
	{">P>B>D>E>S>Q<1<2<n<G<E<E", BUSY, "the server does not take a Query behind it"},
	{">P>B>D>E>S>Q<1<2<n<G<E<ZI", WRONG, "or may have skipped it or not"},
	{">Q>S>B<G<E<E", BUSY, "nor a Bind"},
	{">Q>S>B<G<E<ZI", WRONG, "whose Sync counts or not"},
	{">Q>B>S<G<E<E", BUSY, "behind a request no Sync is ignored"},
	{">Q>B>S<G<E<ZI<2<ZI", IDLE, "if the COPY has read nothing all behind it counts"},
	{">q>Q<C<S<ZI", BUSY, "the query behind an own one"},
	{">q>Q<C<S<ZI<T<D<C<ZI", IDLE, "an own query in front"},
	{">p>B>E>S<1<2<C<ZI", IDLE, "an own Parse in front of a Bind"},
	{">k>p>D>S<3<1<t<T<ZI", IDLE, "an own Close and Parse in front of a Describe"},
	{">p>B>E>S<E<ZI", IDLE, "an own Parse fails, and what follows is skipped"},
	{">p>b>x>k>Q<1<2<C<3<C<ZI", IDLE, "own requests in front of a Query"},
	{">B>E<E>s<ZI", IDLE, "an own Sync ends the skipping"},
	{">3>S<ZI", WRONG, "what the pooler answers itself must be taken first"},
	{">q<G>f<E<ZI", IDLE, "an own query that would copy in"},
	{">q>Q<G", WRONG, "not in front of others"},
	{"<A<N<S", IDLE, "what comes of its own accord"},
	{"<ZI", WRONG, "ReadyForQuery that nobody asked for"},
	{"<D", WRONG, "a row that nobody asked for"},
	{">P<2", WRONG, "BindComplete for a Parse"},
	{">Q<1", WRONG, "ParseComplete for a Query"},
	{">Q<V", WRONG, "a function's result for a Query"},
	{">Q<Zx", WRONG, "an unknown transaction status"},
	{">S<C", WRONG, "CommandComplete for a Sync"},
	{">P<G", WRONG, "COPY for a Parse"},
};

static enum outcome outcome_of(const struct pipeline *pipeline, enum reply last)
{
	if (last == REPLY_WRONG)
		return WRONG;
	if (pipeline_is_settled(pipeline) && pipeline->doubtful)
		return DOUBT;
	if (pipeline_is_idle(pipeline))
		return IDLE;
	return pipeline_is_settled(pipeline) ? IN_BLOCK : BUSY;
}

static void test_conversations(void)
{
	for (size_t i = 0; i < sizeof conversations / sizeof *conversations; i++) {
		struct pipeline pipeline;
		pipeline_init(&pipeline);
		enum reply last = play(&pipeline, conversations[i].script);
		is_int(outcome_of(&pipeline, last), conversations[i].outcome, "%s",
		       conversations[i].name);
		pipeline_release(&pipeline);
	}
}

static void test_own_requests(void)
{
	struct pipeline pipeline;
	pipeline_init(&pipeline);
	is_int(play(&pipeline, ">p>B<1"), REPLY_SWALLOW, "an own Parse's reply is swallowed");
	is_int(play(&pipeline, "<2"), REPLY_FORWARD, "that to the client's Bind is not");
	is_int(play(&pipeline, ">p<E"), REPLY_FORWARD, "nor is an own Parse's error");
	is_int(play(&pipeline, ">s<ZI"), REPLY_SWALLOW, "ReadyForQuery of an own Sync");
	pipeline_release(&pipeline);
}

/* Whether what is sent behind the conversation may be skipped. */
static void test_guards(void)
{
	static const struct {
		const char *script;
		bool may_skip;
	} guards[] = {
		{"", false},
		{">Q", false},
		{">B>E", true},
		{">B>E>S", false},
		{">B>E>Q>Q", true},
		{">B>E>Q>S>Q", false},
		{">B>E<2<C", false},
		{">q>Q", false},
		{">q>B>Q", true},
		{">E>S<G>c>Q", true},
		{">E>S<G>c>S>Q", false},
	};
	for (size_t i = 0; i < sizeof guards / sizeof *guards; i++) {
		struct pipeline pipeline;
		pipeline_init(&pipeline);
		play(&pipeline, guards[i].script);
		is_int(pipeline_may_skip(&pipeline), guards[i].may_skip, "may be skipped behind '%s'",
		       guards[i].script);
		pipeline_release(&pipeline);
	}
}

static void test_local_answers(void)
{
	struct pipeline pipeline;
	pipeline_init(&pipeline);
	play(&pipeline, ">D>1>3>B>1>S");
	is_int(pipeline.silent, 3, "three are the pooler's to answer");
	is_int(pipeline_answer_own(&pipeline), 0, "not before it is their turn");
	play(&pipeline, "<t<T");
	is_int(pipeline_answer_own(&pipeline), '1', "then the first");
	is_int(pipeline_answer_own(&pipeline), '3', "and the second");
	is_int(pipeline_answer_own(&pipeline), 0, "and no more");
	play(&pipeline, "<E");
	is_int(pipeline.silent, 0, "an error skips the third");
	is_int(play(&pipeline, ">1<ZI"), REPLY_FORWARD, "until the Sync");
	is_int(pipeline.silent, 1, "then they count again");
	pipeline_release(&pipeline);

	pipeline_init(&pipeline);
	play(&pipeline, ">E>c>c>f>3>c");
	is_int(pipeline.count, 6, "each end of a COPY is marked");
	is_int(pipeline.silent, 5, "the server answers neither those nor what is the pooler's");
	play(&pipeline, "<G");
	is_int(pipeline.silent, 4, "the end that it takes is no mark any more");
	play(&pipeline, "<C");
	is_int(pipeline_answer_own(&pipeline), '3', "then it is the pooler's turn");
	is_int(pipeline.silent + pipeline.count, 0, "and nothing is left");
	pipeline_release(&pipeline);
}

static void test_notes(void)
{
	struct pipeline pipeline;
	pipeline_init(&pipeline);
	pipeline_request(&pipeline, FRONTEND_PARSE | PIPELINE_NOTED);
	pipeline_request(&pipeline, FRONTEND_BIND | PIPELINE_NOTED);
	pipeline_request(&pipeline, PIPELINE_LOCAL_CLOSE | PIPELINE_NOTED);
	pipeline_request(&pipeline, FRONTEND_EXECUTE);
	pipeline_request(&pipeline, FRONTEND_SYNC);
	play(&pipeline, "<1");
	is_int(pipeline.noted, 1, "a noted request has ended");
	play(&pipeline, "<N");
	is_int(pipeline.noted, 0, "nothing ends by a notice");
	play(&pipeline, "<E");
	is_int(pipeline.noted, 2, "an error ends those that it skips");
	pipeline_release(&pipeline);
}

static void test_own_queries(void)
{
	struct pipeline pipeline;
	pipeline_init(&pipeline);
	is_int(play(&pipeline, ">q>Q<C"), REPLY_SWALLOW, "an own query's reply is swallowed");
	is_int(play(&pipeline, "<A"), REPLY_FORWARD, "a notification meanwhile is not");
	is_int(play(&pipeline, "<ZI"), REPLY_SWALLOW, "its ReadyForQuery is");
	ok(!pipeline.own_failed, "it went well");
	is_int(play(&pipeline, "<C"), REPLY_FORWARD, "the next reply is the client's");
	play(&pipeline, "<ZI>q<E<ZI");
	ok(pipeline.own_failed, "a failed own query is remembered");
	pipeline_release(&pipeline);
}

static void test_long(void)
{
	struct pipeline pipeline;
	pipeline_init(&pipeline);
	for (int i = 0; i < 100000; i++)
		play(&pipeline, ">P>B>E>S");
	ok(pipeline_is_full(&pipeline), "a long pipeline is full");
	bool fits = true;
	for (int i = 0; i < 100000; i++)
		fits = fits && play(&pipeline, "<1<2<C<ZI") == REPLY_FORWARD;
	ok(fits && pipeline_is_idle(&pipeline), "and all of it is answered in order");
	pipeline_release(&pipeline);

	pipeline_init(&pipeline);
	play(&pipeline, ">Q<G");
	for (size_t i = 0; i <= PIPELINE_LONGEST; i++)
		play(&pipeline, ">c");
	ok(pipeline_is_full(&pipeline), "ends of copies that nobody has begun fill it as well");
	play(&pipeline, "<C<ZI");
	ok(pipeline_is_idle(&pipeline), "... and go with what stood in front of them");
	pipeline_release(&pipeline);
}

static bool is_answered(struct pipeline *pipeline, unsigned char letter)
{
	unsigned char reply = letter == 'P' ? '1' : letter == 'B' ? '2' : '3';
	return pipeline_reply(pipeline, reply, 0) == REPLY_FORWARD;
}

/* Letters without a period, so that one in the wrong place of the ring shows. */
static void test_ring(void)
{
	struct pipeline pipeline;
	unsigned char sent[3000];
	size_t answered = 0, asked = 0;
	uint32_t random = 1;
	bool fits = true;

	pipeline_init(&pipeline);
	while (asked < sizeof sent) {
		random = random * 1664525u + 1013904223u;
		sent[asked] = (unsigned char)"PBC"[(random >> 16) % 3];
		pipeline_request(&pipeline, sent[asked++]);
		/* Two are asked for each that is answered: the ring turns while it grows. */
		if (asked % 2 == 0)
			fits = fits && is_answered(&pipeline, sent[answered++]);
	}
	while (answered < asked)
		fits = fits && is_answered(&pipeline, sent[answered++]);
	ok(fits && pipeline.count == 0,
	   "requests of any kind keep their order while the ring grows");
	pipeline_release(&pipeline);
}

int main(void)
{
	test_ring();
	test_conversations();
	test_own_queries();
	test_own_requests();
	test_guards();
	test_local_answers();
	test_notes();
	test_long();
	return done();
}
