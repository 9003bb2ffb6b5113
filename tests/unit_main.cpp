#define DOCTEST_CONFIG_IMPLEMENT  // where doctest.h is precompiled, the other does not imply it
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
