// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What runs where: the main thread owns the observer and the loop, and stands in the network namespace that
 * is watched. It collects facts and hands them to the thread that judges, which stands there too: that one
 * completes them, judges, publishes and says what is new, one judgement at a time, and frees what nobody
 * needs any more. HTTP threads were started before the namespace was entered; they see the latest snapshot
 * and the reload mailbox only.
 */
#include "exporter/daemon/daemon.h"
#include "exporter/base/descriptor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "alerts/judge.h"
#include "collectors/base/clock.h"
#include "collectors/change/changes.h"
#include "exporter/alertmanager/alertmanagers.h"
#include "exporter/base/version.h"
#include "exporter/config/namespace.h"
#include "exporter/config/reload.h"
#include "exporter/config/settings_file.h"
#include "exporter/daemon/alert_options.h"
#include "exporter/daemon/announce.h"
#include "exporter/daemon/collector_io.h"
#include "exporter/daemon/loop.h"
#include "exporter/daemon/observer.h"
#include "exporter/daemon/schedule.h"
#include "exporter/daemon/snapshot.h"
#include "exporter/daemon/worker.h"
#include "exporter/http/http.h"

#define MESSAGE_SIZE 512

/* Beside HTTP's: netlink sockets, timers, files, and packet sockets of some devices. */
#define OTHER_DESCRIPTORS 128
#define DESCRIPTORS_LEAST (HTTP_DESCRIPTORS + OTHER_DESCRIPTORS)

struct daemon {
	const struct options *options;
	struct log *log;

	struct settings *settings;
	struct latest_snapshot *latest;
	struct reload *reload;
	struct alertmanagers *alertmanagers; /* or NULL */
	struct http *http;
	struct observer *observer;
	struct loop *loop;
	struct collector_io *io;
	struct loop_handler signals, timer, reloads, judged, watchdog;
	uint64_t watchdog_us; /* systemd's patience; 0: it does not watch */

	struct schedule schedule;
	int64_t began_ns; /* of the judgement that is being made; 0: none is */
	bool watched;     /* it was said what */
	struct log_limit failures;

	struct worker *worker;
	struct judgement {
		struct settings *settings; /* shared: others may come meanwhile */
		struct collector_settings told;
		struct facts *facts;
		int result;
		const struct snapshot *last; /* what the next one is compared with */
	} judgement;                         /* of the worker from worker_start() until it is judged */
};

/* ---- judging ---- */

static void say_failure(struct daemon *daemon, int error)
{
	if (log_limit_allows(&daemon->failures, clock_ns(CLOCK_MONOTONIC)))
		log_error(daemon->log, "No judgement this time", { "error", strerror(-error) });
}

static void say_watched(const struct daemon *daemon, const struct facts *facts)
{
	char devices[512] = "";
	for (size_t i = 0, used = 0; i < facts->device_count && used < sizeof(devices); i++)
		used += (size_t)snprintf(
			devices + used, sizeof(devices) - used, "%s%s", i ? "," : "", facts->devices[i].name);
	log_info(daemon->log, "Watching",
		{ "namespace", daemon->options->netns ? daemon->options->netns : "(its own)" },
		{ "devices", devices });
}

/* What was given for it; the result and the last snapshot stay. */
static void judgement_clear(struct judgement *judgement)
{
	facts_free(judgement->facts);
	judgement->facts = NULL;
	settings_free(judgement->settings);
	judgement->settings = NULL;
}

/* On the thread of its own. */
static void judge_facts(void *argument)
{
	struct daemon *daemon = argument;
	struct judgement *judgement = &daemon->judgement;
	const struct snapshot *last = judgement->last;
	struct findings *findings = NULL;
	int result = observer_complete(daemon->observer, &judgement->told, judgement->facts);
	if (result == 0)
		result = changes_note(last ? last->facts : NULL, judgement->facts);
	if (result == 0)
		result =
			judge(judgement->settings, judgement->facts, last ? last->findings : NULL, &findings);
	if (result == 0) {
		result = latest_snapshot_publish(daemon->latest, judgement->facts, findings);
		judgement->facts = NULL;
	}
	if (result == 0) {
		judgement->last = latest_snapshot_take(daemon->latest);
		alertmanagers_wake(daemon->alertmanagers);
		announce_changes(daemon->log, last ? last->facts : NULL, judgement->last->facts);
		announce_findings(daemon->log, last ? last->findings : NULL, judgement->last->findings);
		announce_unread_rules(daemon->log, last ? last->facts : NULL, judgement->last->facts);
		snapshot_release(last);
	}
	judgement_clear(judgement);
	judgement->result = result;
}

static void end_judgement(struct daemon *daemon, int result)
{
	if (result < 0)
		say_failure(daemon, result);
	daemon->schedule.ended_ns = clock_ns(CLOCK_MONOTONIC);
	daemon->schedule.cost_ns = daemon->schedule.ended_ns - daemon->began_ns;
	daemon->began_ns = 0;
	timer_set(daemon->timer.descriptor, schedule_next(&daemon->schedule));
}

static void on_judged(void *argument)
{
	struct daemon *daemon = argument;
	descriptor_drain(daemon->judged.descriptor);
	end_judgement(daemon, daemon->judgement.result);
}

static void on_due(void *argument)
{
	struct daemon *daemon = argument;
	struct judgement *judgement = &daemon->judgement;
	descriptor_drain(daemon->timer.descriptor);
	if (daemon->began_ns)
		return;
	daemon->began_ns = clock_ns(CLOCK_MONOTONIC);
	daemon->schedule.changed_ns = 0;
	judgement->settings = settings_share(daemon->settings);
	judgement->told = settings_for_collectors(judgement->settings, daemon->options);
	int result = observer_collect(daemon->observer, &judgement->told, &judgement->facts);
	if (result == 0)
		result = loop_report(daemon->loop, judgement->facts);
	collector_io_refresh(daemon->io);
	if (result < 0) {
		judgement_clear(judgement);
		end_judgement(daemon, result);
		return;
	}
	if (!daemon->watched)
		say_watched(daemon, judgement->facts);
	daemon->watched = true;
	worker_start(daemon->worker);
}

/* While a judgement is made the next one waits for its end. */
static void on_changed(void *argument)
{
	struct daemon *daemon = argument;
	if (daemon->schedule.changed_ns)
		return;
	daemon->schedule.changed_ns = clock_ns(CLOCK_MONOTONIC);
	if (!daemon->began_ns)
		timer_set(daemon->timer.descriptor, schedule_next(&daemon->schedule));
}

/* ---- systemd ---- */

/* What hangs feeds it no more: the loop, or the thread that judges. */
static void on_watchdog(void *argument)
{
	struct daemon *daemon = argument;
	descriptor_drain(daemon->watchdog.descriptor);
	if (latest_snapshot_age_ns(daemon->latest) <= SNAPSHOT_STALE_NS)
		sd_notify(0, "WATCHDOG=1");
	timer_set(daemon->watchdog.descriptor,
		clock_ns(CLOCK_MONOTONIC) + (int64_t)daemon->watchdog_us * 1000 / 2);
}

/* ---- signals and reloading ---- */

static void on_reloaded(void *argument)
{
	struct daemon *daemon = argument;
	struct settings *settings = reload_take(daemon->reload);
	if (!settings)
		return;
	settings_free(daemon->settings);
	daemon->settings = settings;
	log_info(daemon->log, "Settings were read anew",
		{ "file", daemon->options->config_file ? daemon->options->config_file : "" });
	on_changed(daemon);
}

static void on_hangup(struct daemon *daemon)
{
	char message[MESSAGE_SIZE];
	if (reload_request(daemon->reload, message, sizeof(message)) < 0)
		log_error(daemon->log, "Settings could not be read anew, the old ones stay",
			{ "error", message });
}

static void on_signal(void *argument)
{
	struct daemon *daemon = argument;
	struct signalfd_siginfo info;
	if (read(daemon->signals.descriptor, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP) {
		on_hangup(daemon);
		return;
	}
	log_info(daemon->log, "Stopping", { "signal", strsignal((int)info.ssi_signo) });
	loop_stop(daemon->loop);
}

/* Before any other thread is started: they inherit the mask, so that the signals come to the loop alone. */
static int open_signals(void)
{
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
		return -errno;
	int descriptor = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return descriptor < 0 ? -errno : descriptor;
}

/* ---- start ---- */

static void say_start(const struct daemon *daemon)
{
	char names[256] = "";
	for (size_t i = 0, used = 0; observer_collectors[i] && used < sizeof(names); i++)
		if (daemon->options->collectors[i])
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", used ? "," : "",
				observer_collectors[i]->name);
	log_info(daemon->log, "Starting oneway_exporter", { "version", version_number },
		{ "revision", version_revision });
	log_info(daemon->log, "Enabled collectors", { "collectors", names });
}

/* The usual soft limit of 1,024 is for programs that use select(). */
static int start_descriptors(struct daemon *daemon, char *message)
{
	struct rlimit limit;
	(void)daemon;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 0;
	if (limit.rlim_cur < limit.rlim_max) {
		const struct rlimit raised = { limit.rlim_max, limit.rlim_max };
		if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
			limit = raised;
	}
	if (limit.rlim_cur >= DESCRIPTORS_LEAST)
		return 0;
	snprintf(message, MESSAGE_SIZE,
		"the limit of open files is %llu, at least %u are needed (ulimit -Hn)",
		(unsigned long long)limit.rlim_cur, DESCRIPTORS_LEAST);
	return -EMFILE;
}

static int start_settings(struct daemon *daemon, char *message)
{
	return settings_load(daemon->options, &daemon->settings, message, MESSAGE_SIZE);
}

static int start_signals(struct daemon *daemon, char *message)
{
	daemon->signals.descriptor = open_signals();
	if (daemon->signals.descriptor >= 0)
		return 0;
	snprintf(message, MESSAGE_SIZE, "signals: %s", strerror(-daemon->signals.descriptor));
	return daemon->signals.descriptor;
}

static int start_mailboxes(struct daemon *daemon, char *message)
{
	daemon->latest = latest_snapshot_new();
	int result = daemon->latest ? reload_new(daemon->options, &daemon->reload) : -ENOMEM;
	if (result < 0)
		snprintf(message, MESSAGE_SIZE, "%s", strerror(-result));
	return result;
}

static int start_alertmanagers(struct daemon *daemon, char *message)
{
	struct alert_origin origin;
	const struct alertmanagers_options options = alert_options(daemon->options, &origin);
	return alertmanagers_start(
		&options, daemon->latest, daemon->log, &daemon->alertmanagers, message, MESSAGE_SIZE);
}

static int start_http(struct daemon *daemon, char *message)
{
	const struct options *options = daemon->options;
	const struct http_options http = {
		.listen = options->listen.items,
		.listen_count = options->listen.count,
		.telemetry_path = options->telemetry_path,
		.web_config = options->web_config,
		.procfs = options->procfs,
		.max_requests = options->max_requests,
		.max_addresses = options->max_addresses,
		.expose_api = options->expose_api,
		.exporter_metrics = !options->no_exporter_metrics,
		.alertmanagers = daemon->alertmanagers,
	};
	const struct http_callbacks callbacks = { reload_request, daemon->reload };
	return http_start(
		&http, &callbacks, daemon->latest, daemon->log, &daemon->http, message, MESSAGE_SIZE);
}

static int start_namespace(struct daemon *daemon, char *message)
{
	return daemon->options->netns ? namespace_enter(daemon->options->netns, message, MESSAGE_SIZE) : 0;
}

static int open_observer(struct daemon *daemon)
{
	const struct collector_settings told = settings_for_collectors(daemon->settings, daemon->options);
	return observer_open(daemon->options->collectors, &told, daemon->log, &daemon->observer);
}

static int watch(struct daemon *daemon, const char *work, struct loop_handler *handler, int descriptor,
	void (*function)(void *argument))
{
	*handler = (struct loop_handler){
		.descriptor = descriptor, .function = function, .argument = daemon, .work = work
	};
	return descriptor < 0 ? descriptor : loop_watch(daemon->loop, handler);
}

static int fill_loop(struct daemon *daemon)
{
	int result = worker_new(judge_facts, daemon, &daemon->worker);
	if (result == 0)
		result = watch(
			daemon, "judged", &daemon->judged, worker_descriptor(daemon->worker), on_judged);
	if (result == 0)
		result = watch(daemon, NULL, &daemon->signals, daemon->signals.descriptor, on_signal);
	if (result == 0)
		result = watch(
			daemon, "reload", &daemon->reloads, reload_descriptor(daemon->reload), on_reloaded);
	if (result == 0)
		result = watch(daemon, "collect", &daemon->timer, timer_open(), on_due);
	if (result == 0)
		result = timer_set(daemon->timer.descriptor, 0);
	if (result == 0 && sd_watchdog_enabled(0, &daemon->watchdog_us) > 0)
		result = watch(daemon, NULL, &daemon->watchdog, timer_open(), on_watchdog);
	if (result == 0 && daemon->watchdog_us)
		result = timer_set(daemon->watchdog.descriptor, 0);
	if (result == 0)
		result = collector_io_new(daemon->loop, daemon->observer, on_changed, daemon, &daemon->io);
	return result;
}

static int start_loop(struct daemon *daemon, char *message)
{
	int result = open_observer(daemon);
	if (result == 0)
		result = loop_new(&daemon->loop);
	if (result == 0)
		result = fill_loop(daemon);
	if (result < 0)
		snprintf(message, MESSAGE_SIZE, "%s", strerror(-result));
	return result;
}

typedef int start_function(struct daemon *daemon, char *message);

/* HTTP sockets are bound, and Alertmanagers reached, from before the namespace is entered. */
static start_function *const starts[] = {
	start_descriptors,
	start_signals,
	start_settings,
	start_mailboxes,
	start_alertmanagers,
	start_http,
	start_namespace,
	start_loop,
};

static int start(struct daemon *daemon)
{
	say_start(daemon);
	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++) {
		char message[MESSAGE_SIZE] = "";
		int result = starts[i](daemon, message);
		if (result < 0) {
			log_error(daemon->log, "Cannot start", { "error", message });
			return result;
		}
	}
	return 0;
}

static void close_descriptor(int descriptor)
{
	if (descriptor >= 0)
		close(descriptor);
}

/* HTTP ends first: its threads use the latest snapshot and the mailbox. Then the judgement that is being
 * made. */
static void stop(struct daemon *daemon)
{
	http_stop(daemon->http);
	worker_free(daemon->worker);
	alertmanagers_stop(daemon->alertmanagers);
	collector_io_free(daemon->io);
	observer_close(daemon->observer);
	loop_free(daemon->loop);
	close_descriptor(daemon->timer.descriptor);
	close_descriptor(daemon->watchdog.descriptor);
	close_descriptor(daemon->signals.descriptor);
	snapshot_release(daemon->judgement.last);
	latest_snapshot_free(daemon->latest);
	reload_free(daemon->reload);
	settings_free(daemon->settings);
}

int daemon_run(const struct options *options, struct log *log)
{
	struct daemon daemon = {
		.options = options,
		.log = log,
		.signals.descriptor = -1,
		.timer.descriptor = -1,
		.watchdog.descriptor = -1,
		.failures = { .period_ns = 60 * SECOND_NS, .burst = 1 },
	};
	int result = start(&daemon);
	if (result == 0)
		sd_notify(0, "READY=1");
	if (result == 0)
		result = loop_run(daemon.loop);
	sd_notify(0, "STOPPING=1");
	stop(&daemon);
	return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
