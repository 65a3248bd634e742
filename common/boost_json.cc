// Boost.JSON's own code, compiled once for every program: Debian's packages bring its headers only.
#include <boost/json/src.hpp>
