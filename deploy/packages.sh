# shellcheck shell=bash disable=SC2034
# Debian 12's packages that this project needs, listed once: for deploy/install.sh and for images.
# Sourced, not run.

# To compile.
INTERLOCK_BUILD_PACKAGES=(
  clang-19 lld-19 libclang-rt-19-dev
  cmake ninja-build ccache pkg-config
  protobuf-compiler protobuf-compiler-grpc
  libprotobuf-dev libgrpc++-dev libabsl-dev
  libboost1.81-dev # never libboost-dev: that is 1.74, and the two exclude each other
  librocksdb-dev
  libpq-dev
  libcurl4-openssl-dev # webhooks; prometheus-cpp's CMake file asks for it too
  prometheus-cpp-dev
  libspdlog-dev libfmt-dev
  libssl-dev
  libgoogle-perftools-dev # its tcmalloc; sanitizers bring an allocator of their own
  libcjose-dev libjansson-dev # libcjose-dev needs the latter and does not depend on it
  libgtest-dev libgmock-dev
)

# The shared libraries that the compiled programs need.
INTERLOCK_RUNTIME_PACKAGES=(
  ca-certificates
  libgrpc++1.51 libprotobuf32 libabsl20220623
  librocksdb7.8
  libpq5
  libprometheus-cpp-core1.0
  libspdlog1.10 libfmt9
  libtcmalloc-minimal4
  libssl3
  libcurl4
  libcjose0
)

# For the tests, beside what building needs.
INTERLOCK_TEST_PACKAGES=(
  llvm-19 # names in sanitizer reports, and so in what tests/tsan.supp suppresses
  spin # the models; it needs a C compiler, which clang-19 is
  python3 python3-cryptography python3-grpcio python3-jsonschema python3-jwt python3-protobuf
  python3-websockets
  chromium-headless-shell
  nodejs node-ws # a client of another language
  openssl # a certificate for a test's server
  patch # what takes a rule out of the program, to see whether the simulator notices
  valgrind # counts instructions
  redis-server # what the benchmark compares with
  prometheus python3-prometheus-client python3-yaml # what is measured, and the alerts on it
)

# A server, for deploy/local.sh --store=postgres and for tests; each runs it on a folder of its own.
INTERLOCK_POSTGRES_PACKAGES=(
  postgresql-15
)

# The same, for --store=etcd. The client sets up what tests are about.
INTERLOCK_ETCD_PACKAGES=(
  etcd-server etcd-client
)

# To build the images and run them, on a base that is made here: for the test of deploy/images.
INTERLOCK_IMAGE_PACKAGES=(
  buildah mmdebstrap
)

# For deploy/local.sh, the demo.
INTERLOCK_DEMO_PACKAGES=(
  python3 python3-websockets
)

# For who changes the code.
INTERLOCK_DEVELOP_PACKAGES=(
  clang-format-19 clang-tidy-19 shellcheck
)

# Only where the commands `node` and `npm` are missing: another Node.js conflicts with Debian's npm.
INTERLOCK_NODE_PACKAGES=(
  nodejs npm
)
