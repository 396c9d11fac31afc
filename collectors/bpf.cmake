# SPDX-License-Identifier: GPL-2.0-or-later
# Programs for the kernel, as skeletons that are compiled in. They need clang, bpftool and libbpf, but nothing of the
# kernel that builds; a build without them has what uses them say so.
set(ONEWAY_BPF AUTO CACHE STRING "Count drops and capture handshakes by BPF programs: AUTO (if they can be built), ON or OFF")
set_property(CACHE ONEWAY_BPF PROPERTY STRINGS AUTO ON OFF)

set(missing "")
if(ONEWAY_BPF STREQUAL OFF)
  set(missing "ONEWAY_BPF is OFF")
else()
  find_program(BPF_CLANG clang)
  find_program(BPF_BPFTOOL bpftool PATHS /usr/sbin /sbin)
  pkg_check_modules(BPF IMPORTED_TARGET GLOBAL libbpf>=1.0)
  if(BPF_CLANG)
    execute_process(COMMAND ${BPF_CLANG} --target=bpf -x c -c -o /dev/null /dev/null
      RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
  endif()
  if(NOT BPF_CLANG OR failed)
    list(APPEND missing "no clang with its BPF target")
  endif()
  if(NOT BPF_BPFTOOL)
    list(APPEND missing "no bpftool")
  endif()
  if(NOT BPF_FOUND)
    list(APPEND missing "no libbpf 1.0")
  endif()
endif()

if(missing AND ONEWAY_BPF STREQUAL ON)
  list(JOIN missing ", " missing)
  message(FATAL_ERROR "ONEWAY_BPF is ON, but there is ${missing}")
elseif(missing)
  list(JOIN missing ", " missing)
  message(STATUS "Without BPF programs: ${missing}")
  set(ONEWAY_HAS_BPF OFF)
else()
  set(ONEWAY_HAS_BPF ON)
  target_link_libraries(liboneway PUBLIC PkgConfig::BPF)
  target_include_directories(liboneway SYSTEM PRIVATE ${CMAKE_CURRENT_BINARY_DIR})
endif()

# NAME.skel.h out of FOLDER/NAME.bpf.c, and the struct NAME_bpf in it.
function(oneway_bpf_program folder name)
  set(object ${CMAKE_CURRENT_BINARY_DIR}/${name}.o)
  set(stripped ${CMAKE_CURRENT_BINARY_DIR}/${name}.bpf.o)
  set(skeleton ${CMAKE_CURRENT_BINARY_DIR}/${name}.skel.h)
  add_custom_command(OUTPUT ${skeleton}
    COMMAND ${BPF_CLANG} --target=bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -I${PROJECT_SOURCE_DIR}
      -idirafter /usr/include/${CMAKE_LIBRARY_ARCHITECTURE} -ffile-prefix-map=${PROJECT_SOURCE_DIR}/=
      -MD -MT ${skeleton} -MF ${object}.d -c ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/${name}.bpf.c -o ${object}
    COMMAND ${BPF_BPFTOOL} gen object ${stripped} ${object}
    COMMAND ${BPF_BPFTOOL} gen skeleton ${stripped} name ${name}_bpf > ${skeleton}
    DEPENDS ${folder}/${name}.bpf.c DEPFILE ${object}.d VERBATIM)
  add_custom_target(${name}_skeleton DEPENDS ${skeleton})
  add_dependencies(liboneway ${name}_skeleton)
endfunction()
