/* Whether a password is right, by PAM: what is under its service's name in /etc/pam.d decides. */
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/login/vouching.h"

/* Always false. */
static bool refuse(struct vouching *vouching, const char *what, pam_handle_t *handle, int status)
{
	if (vouching->reason[0] == '\0')
		snprintf(vouching->reason, sizeof vouching->reason, "PAM service \"%.64s\": %s: %.120s",
			 vouching->service, what, pam_strerror(handle, status));
	return false;
}

/* What a module has to say in words is for the log; the last complaint is kept. */
static void hear(struct vouching *vouching, const struct pam_message *message)
{
	if (message->msg_style == PAM_ERROR_MSG && message->msg != NULL)
		snprintf(vouching->reason, sizeof vouching->reason, "PAM service \"%.64s\": %.160s",
			 vouching->service, message->msg);
}

static void free_responses(struct pam_response *responses, int count)
{
	for (int i = 0; i < count; i++) {
		if (responses[i].resp != NULL)
			explicit_bzero(responses[i].resp, strlen(responses[i].resp));
		free(responses[i].resp);
	}
	free(responses);
}

/* There is nobody to be asked anything but for the password, as often as it is wanted. */
static int answer(struct vouching *vouching, const struct pam_message *message,
		  struct pam_response *response)
{
	switch (message->msg_style) {
	case PAM_PROMPT_ECHO_OFF:
		response->resp = strdup(vouching->password);
		return response->resp != NULL ? PAM_SUCCESS : PAM_BUF_ERR;
	case PAM_ERROR_MSG:
	case PAM_TEXT_INFO:
		hear(vouching, message);
		return PAM_SUCCESS;
	default:
		return PAM_CONV_ERR;
	}
}

static int converse(int count, const struct pam_message **messages, struct pam_response **responses,
		    void *vouching)
{
	int status = PAM_SUCCESS;

	if (count <= 0 || count > PAM_MAX_NUM_MSG)
		return PAM_CONV_ERR;
	struct pam_response *all = calloc((size_t)count, sizeof *all);
	if (all == NULL)
		return PAM_BUF_ERR;
	for (int i = 0; i < count && status == PAM_SUCCESS; i++)
		status = answer(vouching, messages[i], &all[i]);
	if (status == PAM_SUCCESS)
		*responses = all;
	else
		free_responses(all, count);
	return status;
}

/* What modules want to be waited after a wrong password, this thread need not sleep. */
static void note_delay(int status, unsigned microseconds, void *vouching)
{
	if (status != PAM_SUCCESS)
		((struct vouching *)vouching)->delay_us = microseconds;
}

static bool ask(struct vouching *vouching, pam_handle_t *handle)
{
	/* PAM has the function as a pointer to data. */
	union {
		void (*function)(int status, unsigned microseconds, void *vouching);
		const void *item;
	} delay = {note_delay};
	int status = pam_set_item(handle, PAM_RHOST, vouching->host);

	if (status == PAM_SUCCESS)
		status = pam_set_item(handle, PAM_FAIL_DELAY, delay.item);
	if (status != PAM_SUCCESS)
		return refuse(vouching, "setting up", handle, status);
	status = pam_authenticate(handle, PAM_SILENT);
	if (status != PAM_SUCCESS)
		return refuse(vouching, "authentication", handle, status);
	status = pam_acct_mgmt(handle, PAM_SILENT);
	return status == PAM_SUCCESS || refuse(vouching, "account", handle, status);
}

void vouch_by_pam(void *arg)
{
	struct vouching *vouching = arg;
	const struct pam_conv conversation = {converse, vouching};
	pam_handle_t *handle = NULL;

	int status = pam_start(vouching->service, vouching->user, &conversation, &handle);
	if (status == PAM_SUCCESS)
		vouching->is_right = ask(vouching, handle);
	else
		refuse(vouching, "starting", handle, status);
	if (handle != NULL)
		pam_end(handle, vouching->is_right ? PAM_SUCCESS : PAM_AUTH_ERR);
}
