-- Lets wide tables scroll by themselves, so that a page fits a phone.

function Table(table)
  return pandoc.Div({ table }, { class = "wide" })
end
