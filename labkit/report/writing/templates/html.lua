-- Lets wide tables scroll by themselves, so that a page fits a phone; the caption stays in sight.

function Table(table)
  table.caption.long = { pandoc.Div(table.caption.long) }
  return pandoc.Div({ table }, { class = "wide" })
end
