// Boost.URL's own code, compiled here: Debian's package of its library is not among what is built
// with.
#include <boost/url/src.hpp>
