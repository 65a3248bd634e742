// Rows and columns that line up, whatever stands in them.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/ctl/style.h"

namespace interlock {

enum class Align { kLeft, kRight };

struct Column {
  std::string header;  // a table whose headers are all empty has no heading
  Align align = Align::kLeft;
};

// The text is raw: the table escapes it, so that no caller can forget to.
struct Cell {
  // NOLINTBEGIN(google-explicit-constructor): a row reads as its texts
  Cell(std::string raw, Style how = Style::kPlain) : text(std::move(raw)), style(how) {}
  Cell(const char* raw, Style how = Style::kPlain) : text(raw), style(how) {}
  // NOLINTEND(google-explicit-constructor)

  std::string text;
  Style style;
};

// Collects rows and lays them out when asked. Widths come from what is in the columns; they never
// shrink, so a table that is printed in parts stays straight and only ever widens.
class Table {
 public:
  Table(std::vector<Column> columns, bool colour);

  // As many cells as there are columns.
  void add(std::vector<Cell> row);

  // The rows added since the last call, with the heading before the first ones. Empty without rows.
  std::string take();

 private:
  std::string line(const std::vector<Cell>& cells) const;

  std::vector<Column> columns_;
  bool colour_;
  bool heading_due_;
  std::vector<std::size_t> widths_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace interlock
