# node's postgres, which pipelines and caches statements, works with 20 clients over 2 servers.
use v5.36;
use Crowd;
use Millpond;
use NodePackages;
use Test::More;

crowd_skip('no postgres for node here') unless node_package('postgres');
crowd('postgres', [ 'node', new_file('crowd.js', <<'PROGRAM') ]);
const postgres = require('postgres');
const assert = require('assert');
async function one(n) {
	const sql = postgres({ host: '127.0.0.1', port: process.env.PGPORT, user: 'postgres',
		database: 'postgres', max: 1 });
	for (let i = 0; i < 20; i++) {
		assert.strictEqual((await sql`select ${n}::int as n, ${i}::int as i`)[0].n, n);
		// At once, so that they are pipelined.
		const rows = await Promise.all([...Array(10).keys()].map(k =>
			sql`select n, ${n}::int as own from numbers where n = ${k + 1}`));
		rows.forEach((r, k) => assert.deepStrictEqual({ ...r[0] }, { n: k + 1, own: n }));
		await sql.begin(async t => {
			assert.strictEqual((await t`select ${i}::int as i`)[0].i, i);
		});
		await assert.rejects(sql`select 1 / (${1}::int - 1)`);
	}
	await sql.end();
}
Promise.all([...Array(Number(process.env.CLIENTS)).keys()].map(one))
	.then(() => console.log('well'), e => console.log(e));
PROGRAM

done_testing;
