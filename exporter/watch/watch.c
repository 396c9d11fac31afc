// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "collectors/base/clock.h"
#include "collectors/base/rfc3339.h"
#include "exporter/cli/commands.h"
#include "exporter/cli/oneshot.h"
#include "exporter/watch/screen.h"
#include "exporter/watch/source.h"
#include "exporter/watch/terminal.h"

struct watch {
	const struct options *options;
	struct watch_source *source;
	int signals;
	int64_t end_ns;            /* monotonic; INT64_MAX: never */
	struct terminal *terminal; /* NULL: lines are written */
	struct watch_model *model; /* the last, or NULL */
	struct watch_news news;    /* of which the model is taken */
	struct watch_events events;
	uint64_t written; /* of these, as lines */
	int64_t begun_ns; /* CLOCK_REALTIME, as the next */
	int64_t trouble_since_ns;
	int64_t judged_ns; /* monotonic: when the judgement was another one than before */
	struct watch_state state;
	bool done;
	int status;
	int ended_by; /* a signal, or 0 */
};

static int complain(const char *message)
{
	char text[WATCH_TROUBLE_SIZE * 4];
	fprintf(stderr, "%s: %s\n", watch_command.usage.name,
		text_format(message, TEXT_PLAIN, text, sizeof(text)));
	return COMMAND_FAILED;
}

/* ---- what happens ---- */

static void note(struct watch *watch, bool good, const char *what, int64_t time_ns)
{
	struct watch_event event = { .time_ns = time_ns, .good = good, .severity = SEVERITY_WARNING };
	if (asprintf(&event.text, "%s %s%s%s", what, watch->news.name, good ? "" : ": ",
		    good ? "" : watch->news.trouble) < 0)
		return;
	watch_events_add(&watch->events, &event);
	free(event.text);
}

static void take_news(struct watch *watch)
{
	struct watch_model *before = watch->model;
	watch_source_take(watch->source, &watch->news);
	bool troubled = *watch->news.trouble != '\0';
	if (watch->news.over) {
		watch->done = true;
		watch->status = COMMAND_FAILED;
		return;
	}
	if (troubled && !watch->trouble_since_ns) {
		watch->trouble_since_ns = clock_ns(CLOCK_REALTIME);
		note(watch, false, "unreachable", watch->trouble_since_ns);
	}
	if (!watch->news.model)
		return;
	if (!troubled && watch->trouble_since_ns) {
		watch->trouble_since_ns = 0;
		note(watch, true, "reachable", watch->news.model->time_ns);
	}
	watch->model = watch->news.model;
	watch->news.model = NULL;
	if (!before)
		note(watch, true, "watching", watch->model->time_ns);
	if (!before || before->time_ns != watch->model->time_ns)
		watch->judged_ns = clock_ns(CLOCK_MONOTONIC);
	watch_events_compare(&watch->events, before, watch->model);
	watch_model_free(before);
}

/* ---- lines ---- */

static void write_lines(struct watch *watch)
{
	for (size_t i = 0; i < watch->events.count; i++) {
		const struct watch_event *event = &watch->events.items[i];
		char time[RFC3339_SIZE];
		if (watch->events.total - watch->events.count + i < watch->written)
			continue;
		printf("%s ",
			rfc3339_format(event->time_ns ? event->time_ns : clock_ns(CLOCK_REALTIME), time));
		text_put(stdout, event->text, TEXT_PLAIN);
		putchar('\n');
	}
	watch->written = watch->events.total;
	if (oneshot_flush() < 0) {
		watch->done = true;
		watch->status = complain("could not write");
	}
}

/* ---- the screen ---- */

static void draw(struct watch *watch)
{
	struct paper screen;
	unsigned rows, columns;
	struct watch_scene scene = {
		.model = watch->model,
		.events = &watch->events,
		.source = watch->news.name,
		.trouble = watch->news.trouble,
		.trouble_since_ns = watch->trouble_since_ns,
		.begun_ns = watch->begun_ns,
		.now_ns = clock_ns(CLOCK_REALTIME),
		.quiet_ns = watch->judged_ns ? clock_ns(CLOCK_MONOTONIC) - watch->judged_ns : 0,
	};
	if (watch->news.looking_ns &&
		clock_ns(CLOCK_MONOTONIC) - watch->news.looking_ns < HANDSHAKE_OPEN_NS + SECOND_NS)
		scene.early = true;
	terminal_size(watch->terminal, &rows, &columns);
	if (paper_open(&screen, columns, 0, rows) < 0)
		return;
	watch_draw(&scene, &watch->state, &screen);
	terminal_paint(watch->terminal, &screen);
	paper_close(&screen);
}

static void take_keys(struct watch *watch)
{
	/* What was typed behind q is for the shell. */
	for (enum watch_key key; !watch->done && (key = terminal_key(watch->terminal)) != WATCH_NONE;) {
		if (key == WATCH_QUIT)
			watch->done = true;
		else if (key == WATCH_REDRAW)
			terminal_resume(watch->terminal);
		else
			watch_press(&watch->state, key);
		draw(watch); /* which tells the next key how far it may go */
	}
}

/* By default, as the shell expects of it: of a process group that nobody can continue, it does nothing. */
static void stop_process(struct watch *watch)
{
	sigset_t stop;
	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	terminal_suspend(watch->terminal);
	raise(SIGTSTP);
	pthread_sigmask(SIG_UNBLOCK, &stop, NULL);
	pthread_sigmask(SIG_BLOCK, &stop, NULL);
	terminal_resume(watch->terminal);
}

static void take_signal(struct watch *watch)
{
	struct signalfd_siginfo info;
	if (read(watch->signals, &info, sizeof(info)) != sizeof(info))
		return;
	switch (info.ssi_signo) {
	case SIGWINCH:
		terminal_resize(watch->terminal);
		break;
	case SIGTSTP:
		stop_process(watch);
		break;
	case SIGCONT: /* after SIGSTOP, which nobody hears: the shell has changed the terminal meanwhile */
		terminal_resume(watch->terminal);
		break;
	default:
		watch->done = true;
		watch->ended_by = (int)info.ssi_signo;
	}
}

/* ---- both ---- */

static int open_signals(bool screen, sigset_t *before)
{
	static const int ending[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	static const int screens[] = { SIGWINCH, SIGTSTP, SIGCONT };
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(ending) / sizeof(*ending); i++)
		sigaddset(&set, ending[i]);
	for (size_t i = 0; screen && i < sizeof(screens) / sizeof(*screens); i++)
		sigaddset(&set, screens[i]);
	pthread_sigmask(SIG_BLOCK, &set, before);
	int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return signals < 0 ? -errno : signals;
}

/* Until something happens, the second is over (a screen shows it), or the end has come. */
static void await(struct watch *watch)
{
	struct pollfd files[] = {
		{ .fd = watch->signals, .events = POLLIN },
		{ .fd = watch_source_descriptor(watch->source), .events = POLLIN },
		{ .fd = watch->terminal ? STDIN_FILENO : -1, .events = POLLIN },
	};
	int64_t left_ns = watch->end_ns - clock_ns(CLOCK_MONOTONIC);
	int64_t most_ns = watch->terminal ? SECOND_NS - clock_ns(CLOCK_REALTIME) % SECOND_NS : SECOND_NS * 60;
	left_ns = left_ns < most_ns ? left_ns : most_ns;
	if (left_ns > 0 && poll(files, 3, (int)(left_ns / MILLISECOND_NS) + 1) < 0 && errno != EINTR)
		watch->done = true;
	if (files[0].revents)
		take_signal(watch);
	if (files[1].revents)
		take_news(watch);
	if (files[2].revents & POLLIN)
		take_keys(watch);
	if (files[2].revents & (POLLHUP | POLLERR | POLLNVAL)) { /* the terminal is gone */
		watch->done = true;
		watch->status = COMMAND_FAILED;
	}
	if (clock_ns(CLOCK_MONOTONIC) >= watch->end_ns)
		watch->done = true;
}

static void run_until_done(struct watch *watch)
{
	while (!watch->done) {
		if (watch->terminal)
			draw(watch);
		await(watch);
		if (!watch->terminal)
			write_lines(watch);
	}
}

static bool wants_screen(const struct options *options)
{
	return !options->plain && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

static int run(const struct options *options)
{
	char message[WATCH_TROUBLE_SIZE];
	const struct report_style style = oneshot_style(options);
	struct watch watch = { .options = options,
		.begun_ns = clock_ns(CLOCK_REALTIME),
		.end_ns = options->watch_ns ? clock_ns(CLOCK_MONOTONIC) + options->watch_ns : INT64_MAX };
	sigset_t before;
	bool screen = wants_screen(options);
	setlocale(LC_CTYPE, "");
	watch.signals = open_signals(screen, &before);
	int result = watch.signals < 0 ? watch.signals
				       : watch_source_new(options, &watch.source, message, sizeof(message));
	if (watch.signals < 0)
		snprintf(message, sizeof(message), "%s", strerror(-watch.signals));
	if (result == 0 && screen && terminal_open(style.colour, &watch.terminal) < 0)
		fprintf(stderr, "%s: this terminal cannot show a screen: lines instead\n",
			watch_command.usage.name);
	if (result == 0)
		run_until_done(&watch);
	const bool blind = *watch.news.trouble && (watch.news.over || !watch.model);
	terminal_close(watch.terminal);
	watch_source_free(watch.source);
	watch_model_free(watch.model);
	watch_events_clear(&watch.events);
	if (watch.signals >= 0)
		close(watch.signals);
	if (result < 0)
		return complain(message);
	if (blind && !watch.ended_by)
		watch.status = complain(watch.news.trouble);
	if (watch.ended_by) { /* as if it had not been heard: who started it learns how it ended */
		signal(watch.ended_by, SIG_DFL);
		raise(watch.ended_by);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	return watch.status;
}

const struct command watch_command = {
	.usage = {
		.program = PROGRAM_WATCH,
		.name = "oneway watch",
		.summary = "Shows at a terminal, live, what an exporter on this host finds, or what a look at "
			   "it shows: findings with cause, remedy and evidence, the devices with the "
			   "addresses behind them, and handshakes by the devices of SYN and SYN-ACK. Keys: ?. "
			   "Where there is no terminal it writes one line for each change. Exit status: 0 "
			   "quit, 2 could not look.",
	},
	.headline = "Findings, map and handshakes of this host, live at a terminal.",
	.run = run,
};
