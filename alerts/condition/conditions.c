// SPDX-License-Identifier: GPL-2.0-or-later
/* Alone in its file: a unit test that defines a table of its own is not linked with this one. */
#include "alerts/condition/conditions.h"

#include <stddef.h>

#define CONDITION_POINTER(name) &name,
const struct condition *const conditions[] = { CONDITIONS(CONDITION_POINTER) NULL };
