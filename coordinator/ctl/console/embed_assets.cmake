# Fetches the page's libraries and turns them, with the page, into one C++ file. Run by each build,
# so that a build which could not reach npm is made good by the next one that can; what has not
# changed is left alone.
#
#   cmake -DSOURCE=<this folder> -DWORK=<a folder of the build> -DOUT=<the .cc file> -P <this file>
cmake_minimum_required(VERSION 3.25)

# path on the server = file of a package
set(LIBRARIES
  vendor/uplot.js=uplot/dist/uPlot.esm.js
  vendor/uplot.css=uplot/dist/uPlot.min.css
  vendor/uplot.LICENSE.txt=uplot/LICENSE
  vendor/virtual/index.js=@tanstack/virtual-core/dist/esm/index.js
  vendor/virtual/ios-gesture.js=@tanstack/virtual-core/dist/esm/ios-gesture.js
  vendor/virtual/lazy-measurements.js=@tanstack/virtual-core/dist/esm/lazy-measurements.js
  vendor/virtual/scroll-classifier.js=@tanstack/virtual-core/dist/esm/scroll-classifier.js
  vendor/virtual/utils.js=@tanstack/virtual-core/dist/esm/utils.js
  vendor/virtual.LICENSE.txt=@tanstack/virtual-core/LICENSE
)
set(TYPE_.css "text/css; charset=utf-8")
set(TYPE_.html "text/html; charset=utf-8")
set(TYPE_.js "text/javascript; charset=utf-8")
set(TYPE_.svg "image/svg+xml")
set(TYPE_.txt "text/plain; charset=utf-8")
set(NPM_MINUTES_MAX 3)

# Sets HAVE_LIBRARIES. The packages are those of package-lock.json, by their checksums; none of
# their scripts is run.
function(fetch_libraries)
  file(READ "${SOURCE}/package-lock.json" wanted)
  set(have "")
  if(EXISTS "${WORK}/fetched.json")
    file(READ "${WORK}/fetched.json" have)
  endif()
  set(HAVE_LIBRARIES TRUE PARENT_SCOPE)
  if("${have}" STREQUAL "${wanted}")
    return()
  endif()
  set(HAVE_LIBRARIES FALSE PARENT_SCOPE)
  find_program(NPM npm)
  if(NOT NPM)
    message(WARNING "npm is missing, so interlockctl is built without its console's page: "
      "deploy/install.sh node installs it.")
    return()
  endif()
  file(COPY "${SOURCE}/package.json" "${SOURCE}/package-lock.json" DESTINATION "${WORK}")
  math(EXPR seconds "${NPM_MINUTES_MAX} * 60")
  execute_process(
    COMMAND "${NPM}" ci --ignore-scripts --no-audit --no-fund --loglevel=error --fetch-retries=1
    WORKING_DIRECTORY "${WORK}" TIMEOUT ${seconds}
    RESULT_VARIABLE failed OUTPUT_VARIABLE said ERROR_VARIABLE said)
  if(failed)
    message(WARNING "npm could not fetch the libraries of the console's page, so interlockctl is "
      "built without it; the next build tries again. It said:\n${said}")
    return()
  endif()
  file(COPY_FILE "${SOURCE}/package-lock.json" "${WORK}/fetched.json")
  set(HAVE_LIBRARIES TRUE PARENT_SCOPE)
endfunction()

# Appends one row of the table to ROWS, and the file as a raw string to STRINGS. All of them are
# UTF-8 text; what the string ends with must not be in them.
function(embed path file)
  file(READ "${file}" content)
  string(FIND "${content}" ")~asset~\"" unlucky)
  get_filename_component(ending "${path}" LAST_EXT)
  if(NOT unlucky EQUAL -1 OR NOT DEFINED TYPE_${ending})
    message(FATAL_ERROR "${file} cannot be embedded.")
  endif()
  string(MAKE_C_IDENTIFIER "${path}" name)
  set(STRINGS
    "${STRINGS}constexpr char ${name}[] = R\"~asset~(${content})~asset~\";\n"
    PARENT_SCOPE)
  set(ROWS
    "${ROWS}    {\"/${path}\", \"${TYPE_${ending}}\", {${name}, sizeof ${name} - 1}},\n"
    PARENT_SCOPE)
endfunction()

fetch_libraries()
set(STRINGS "")
set(ROWS "")
set(NUMBER 0)
if(HAVE_LIBRARIES)
  file(GLOB_RECURSE pages RELATIVE "${SOURCE}/page" "${SOURCE}/page/*")
  foreach(page IN LISTS pages)
    embed("${page}" "${SOURCE}/page/${page}")
    math(EXPR NUMBER "${NUMBER} + 1")
  endforeach()
  foreach(library IN LISTS LIBRARIES)
    string(REPLACE "=" ";" pair "${library}")
    list(GET pair 0 path)
    list(GET pair 1 file)
    embed("${path}" "${WORK}/node_modules/${file}")
    math(EXPR NUMBER "${NUMBER} + 1")
  endforeach()
endif()
file(WRITE "${OUT}.new"
  "// Made by embed_assets.cmake.\n#include \"coordinator/ctl/console/assets.h\"\n\n"
  "#include <array>\n\nnamespace interlock {\nnamespace {\n\n${STRINGS}\n"
  "constexpr std::array<Asset, ${NUMBER}> table{{\n${ROWS}}};\n\n}  // namespace\n\n"
  "std::span<const Asset> console_assets() { return table; }\n\n}  // namespace interlock\n")
file(COPY_FILE "${OUT}.new" "${OUT}" ONLY_IF_DIFFERENT)
