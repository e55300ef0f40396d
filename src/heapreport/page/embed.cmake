# Writes OUT: the page as C++ raw string literals, html cut at the places where styles, the report and the script go.
# A literal may have 64 KiB, so that none of the files may be larger.
foreach(name html css js)
  file(READ ${PAGE}/report.${name} text)
  string(LENGTH "${text}" length)
  if(length GREATER 65000)
    message(FATAL_ERROR "report.${name} is too long for one literal")
  endif()
  string(TOUPPER ${name} upper)
  string(APPEND out "constexpr std::string_view kPage${upper} = R\"page(${text})page\";\n")
endforeach()
file(WRITE ${OUT} "${out}")
