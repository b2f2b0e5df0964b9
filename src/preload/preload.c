/* SPDX-License-Identifier: MIT */
/* What every file of the preloaded library shares. */
#include "config.h"

#include "preload/preload.h"

struct options preload_options;
bool preload_active;
