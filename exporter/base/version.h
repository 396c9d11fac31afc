/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Set when the build is configured. */
extern const char *const version_number;   /* "0.1.0" */
extern const char *const version_revision; /* abbreviated commit, or "unknown" */
