// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/base/version.h"

const char *const version_number = ONEWAY_VERSION;
const char *const version_revision = ONEWAY_REVISION;
