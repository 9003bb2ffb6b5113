#include "core/shared_library.hpp"

#include <doctest/doctest.h>

using namespace anyprobe;

TEST_CASE("shared library: a function of one that is there") {
  SharedLibrary library("libm.so.6");
  double (*square_root)(double) = nullptr;
  library.find("sqrt", square_root);
  REQUIRE((square_root != nullptr));
  CHECK(square_root(4) == 2);
  CHECK(library.wrong() == "");
}

TEST_CASE("shared library: what is not there is told, once and first") {
  SharedLibrary library("libm.so.6");
  double (*nothing)(double) = nullptr;
  library.find("there_is_no_such_function", nothing);
  CHECK((nothing == nullptr));
  CHECK(library.wrong().find("there_is_no_such_function") != std::string::npos);
  SharedLibrary absent("libanyprobe-has-no-such.so.1");
  CHECK(absent.wrong().find("libanyprobe-has-no-such.so.1") != std::string::npos);
  absent.find("sqrt", nothing);
  CHECK((nothing == nullptr));
  CHECK(absent.wrong().find("libanyprobe-has-no-such.so.1") != std::string::npos);
}
