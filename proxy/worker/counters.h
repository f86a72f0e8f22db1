// The counters as the control thread knows them.
#pragma once

#include "upstream/counters.h"
