// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/watch/terminal.h"

#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ESCAPE_MS 25 /* an ESC that stands alone */

struct terminal {
	SCREEN *screen;
	attr_t attributes[STYLES];
	short pairs[STYLES];
	int error;     /* standard error as it was, or -1 */
	int kept_back; /* what was written to it since */
};

static const struct {
	attr_t attribute;
	short colour; /* -1: the terminal's own */
} looks[STYLES] = {
	[STYLE_PLAIN] = { A_NORMAL, -1 },
	[STYLE_BOLD] = { A_BOLD, -1 },
	[STYLE_DIM] = { A_DIM, -1 },
	[STYLE_GOOD] = { A_NORMAL, COLOR_GREEN },
	[STYLE_INFO] = { A_NORMAL, COLOR_CYAN },
	[STYLE_WARNING] = { A_BOLD, COLOR_YELLOW },
	[STYLE_CRITICAL] = { A_BOLD, COLOR_RED },
};

/* What others write there would stand amid the screen. As much as a pipe holds is kept, the rest lost. */
static void hold_errors(struct terminal *terminal)
{
	int ends[2];
	terminal->error = terminal->kept_back = -1;
	if (!isatty(STDERR_FILENO) || pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return;
	terminal->error = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	terminal->kept_back = ends[0];
	if (terminal->error >= 0)
		dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
}

static void release_errors(struct terminal *terminal)
{
	char text[4096];
	ssize_t size;
	if (terminal->error >= 0) {
		dup2(terminal->error, STDERR_FILENO);
		close(terminal->error);
		while ((size = read(terminal->kept_back, text, sizeof(text))) > 0)
			if (write(STDERR_FILENO, text, (size_t)size) < size)
				break;
	}
	if (terminal->kept_back >= 0)
		close(terminal->kept_back);
}

static void nothing(int signal_number)
{
	(void)signal_number;
}

int terminal_open(bool colour, struct terminal **out)
{
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return -ENOTTY;
	struct terminal *terminal = calloc(1, sizeof(*terminal));
	if (!terminal)
		return -ENOMEM;
	/* ncurses leaves SIGTSTP alone for good if somebody else has it when it begins. Else each refresh
	 * ignores it for its length, and the kernel forgets one that waits, blocked, to be heard. */
	signal(SIGTSTP, nothing);
	use_tioctl(TRUE); /* not LINES and COLUMNS of the environment */
	terminal->screen = newterm(NULL, stdout, stdin);
	const char *moves = terminal->screen ? tigetstr("cup") : NULL;
	if (!moves || moves == (const char *)-1) {
		if (terminal->screen) {
			endwin();
			delscreen(terminal->screen);
		}
		signal(SIGTSTP, SIG_DFL);
		free(terminal);
		return -ENOTTY;
	}
	/* They are blocked and heard by the caller; ncurses' own would be called when one of them is let in.
	 */
	signal(SIGTSTP, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	set_escdelay(ESCAPE_MS);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	bool coloured =
		colour && has_colors() && start_color() == OK && COLORS >= 8 && use_default_colors() == OK;
	for (short i = 0; i < STYLES; i++) {
		terminal->attributes[i] = looks[i].attribute;
		if (coloured && looks[i].colour >= 0 && init_pair(i, looks[i].colour, -1) == OK)
			terminal->pairs[i] = i;
	}
	hold_errors(terminal);
	*out = terminal;
	return 0;
}

void terminal_close(struct terminal *terminal)
{
	if (!terminal)
		return;
	erase(); /* for those that have no other screen to go back to */
	refresh();
	endwin();
	delscreen(terminal->screen);
	release_errors(terminal);
	free(terminal);
}

void terminal_size(const struct terminal *terminal, unsigned *rows, unsigned *columns)
{
	(void)terminal;
	*rows = LINES > 0 ? (unsigned)LINES : 0;
	*columns = COLS > 0 ? (unsigned)COLS : 0;
}

void terminal_paint(struct terminal *terminal, const struct paper *screen)
{
	erase();
	for (size_t row = 0; row < screen->height; row++) {
		const struct cell *cells = paper_row(screen, row);
		for (unsigned column = 0; column < screen->columns; column++) {
			if (!cells[column].code)
				continue;
			unsigned style = cells[column].style & ~STYLE_REVERSE;
			const wchar_t text[2] = { (wchar_t)cells[column].code };
			attr_t attributes = terminal->attributes[style];
			cchar_t shown;
			if (cells[column].style & STYLE_REVERSE)
				attributes |= A_REVERSE;
			if (setcchar(&shown, text, attributes, terminal->pairs[style], NULL) == OK)
				mvadd_wch((int)row, (int)column, &shown);
		}
	}
	refresh();
}

enum watch_key terminal_key(struct terminal *terminal)
{
	static const struct {
		int code;
		enum watch_key key;
	} keys[] = {
		{ KEY_UP, WATCH_UP },
		{ 'k', WATCH_UP },
		{ KEY_DOWN, WATCH_DOWN },
		{ 'j', WATCH_DOWN },
		{ KEY_PPAGE, WATCH_PAGE_UP },
		{ 'b', WATCH_PAGE_UP },
		{ KEY_NPAGE, WATCH_PAGE_DOWN },
		{ ' ', WATCH_PAGE_DOWN },
		{ KEY_HOME, WATCH_FIRST },
		{ 'g', WATCH_FIRST },
		{ KEY_END, WATCH_LAST },
		{ 'G', WATCH_LAST },
		{ KEY_LEFT, WATCH_LEFT },
		{ 'h', WATCH_LEFT },
		{ KEY_RIGHT, WATCH_RIGHT },
		{ 'l', WATCH_RIGHT },
		{ KEY_ENTER, WATCH_ENTER },
		{ '\r', WATCH_ENTER },
		{ '\n', WATCH_ENTER },
		{ 27, WATCH_BACK },
		{ KEY_BACKSPACE, WATCH_BACK },
		{ 127, WATCH_BACK },
		{ '\t', WATCH_NEXT },
		{ KEY_BTAB, WATCH_PREVIOUS },
		{ '1', WATCH_VIEW + VIEW_FINDINGS },
		{ '2', WATCH_VIEW + VIEW_MAP },
		{ '3', WATCH_VIEW + VIEW_MATRIX },
		{ '4', WATCH_VIEW + VIEW_LOG },
		{ '?', WATCH_HELP },
		{ KEY_F(1), WATCH_HELP },
		{ 'L' - '@', WATCH_REDRAW },
		{ 'q', WATCH_QUIT },
		{ 'Q', WATCH_QUIT },
	};
	(void)terminal;
	for (int code; (code = getch()) != ERR;)
		for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
			if (keys[i].code == code)
				return keys[i].key;
	return WATCH_NONE;
}

void terminal_resize(struct terminal *terminal)
{
	struct winsize size;
	if (terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col)
		resizeterm(size.ws_row, size.ws_col);
}

void terminal_suspend(struct terminal *terminal)
{
	if (terminal)
		endwin();
}

void terminal_resume(struct terminal *terminal)
{
	if (!terminal)
		return;
	terminal_resize(terminal);
	reset_prog_mode();
	curs_set(0);
	clearok(curscr, TRUE);
	refresh();
}
