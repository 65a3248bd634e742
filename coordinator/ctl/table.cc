#include "coordinator/ctl/table.h"

#include <algorithm>
#include <cassert>

#include "coordinator/ctl/text.h"

namespace interlock {
namespace {

constexpr std::size_t gap = 2;

}  // namespace

Table::Table(std::vector<Column> columns, bool colour)
    : columns_(std::move(columns)),
      colour_(colour),
      heading_due_(std::any_of(columns_.begin(), columns_.end(),
                               [](const Column& column) { return !column.header.empty(); })) {
  for (const Column& column : columns_) widths_.push_back(display_width(column.header));
}

void Table::add(std::vector<Cell> row) {
  assert(row.size() == columns_.size());
  for (std::size_t i = 0; i < row.size(); ++i) {
    row[i].text = escape_control(row[i].text);
    widths_[i] = std::max(widths_[i], display_width(row[i].text));
  }
  rows_.push_back(std::move(row));
}

std::string Table::take() {
  if (rows_.empty()) return "";
  std::string out;
  if (heading_due_) {
    std::vector<Cell> heading;
    for (const Column& column : columns_) heading.emplace_back(column.header, Style::kHeading);
    out += line(heading);
    heading_due_ = false;
  }
  for (const std::vector<Cell>& row : rows_) out += line(row);
  rows_.clear();
  return out;
}

std::string Table::line(const std::vector<Cell>& cells) const {
  std::string out;
  std::size_t padding = 0;  // owed before the next text, so that no line ends in spaces
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::size_t missing = widths_[i] - display_width(cells[i].text);
    if (columns_[i].align == Align::kRight) padding += missing;
    if (!cells[i].text.empty()) {
      out.append(padding, ' ');
      padding = 0;
      out += paint(cells[i].text, cells[i].style, colour_);
    }
    if (columns_[i].align == Align::kLeft) padding += missing;
    padding += gap;
  }
  return out + '\n';
}

}  // namespace interlock
