/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The terminal, by ncurses: shows papers, reads keys. Used on one thread, with SIGWINCH, SIGTSTP and SIGCONT
 * blocked: the caller hears them and calls terminal_resize(), terminal_suspend() and terminal_resume().
 */

#include <stdbool.h>

#include "exporter/watch/paper.h"
#include "exporter/watch/screen.h"

struct terminal;

/* Takes standard input and output; what is written to standard error, if that is a terminal too, is kept back
 * until terminal_close(). 0; -ENOTTY if they are no terminal that can show a screen; negative errno. */
int terminal_open(bool colour, struct terminal **out);
/* Leaves it as it was. Accepts NULL. */
void terminal_close(struct terminal *terminal);

void terminal_size(const struct terminal *terminal, unsigned *rows, unsigned *columns);
void terminal_paint(struct terminal *terminal, const struct paper *screen);
/* WATCH_NONE: there is none waiting. Keys that mean nothing are passed over. */
enum watch_key terminal_key(struct terminal *terminal);

/* These accept NULL. */
void terminal_resize(struct terminal *terminal);
/* As it was before, until terminal_resume(), which also draws all anew. */
void terminal_suspend(struct terminal *terminal);
void terminal_resume(struct terminal *terminal);
