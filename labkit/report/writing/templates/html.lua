-- Lets wide tables scroll by themselves, so that a page fits a phone; the caption stays in sight. A table of many columns
-- is set closer, so that a desktop shows all of it.

local most_columns = 8

function Table(table)
  table.caption.long = { pandoc.Div(table.caption.long) }
  local classes = { "wide" }
  if #table.colspecs > most_columns then classes[2] = "many" end
  return pandoc.Div({ table }, pandoc.Attr("", classes))
end
