-- Carries into Typst what pandoc's writer leaves out: alternative text and floating of images, tables that stay on one
-- page, and boxes for marked passages.

local function typst(blocks)
  return pandoc.write(pandoc.Pandoc(blocks), "typst-citations")
end

local function quoted(text)
  return '"' .. text:gsub('[\\"]', "\\%0") .. '"'
end

local points = { [""] = 0.75, px = 0.75, pt = 1, mm = 2.835, cm = 28.35, ["in"] = 72 }
local line_width = 459 -- points

-- An image as wide as it was made, or as asked for; never wider than the line.
local function width_of(image)
  local amount, unit = (image.attributes.width or ""):match("^([%d.]+)%s*(%a*%%?)$")
  amount = tonumber(amount)
  if not amount then return "auto" end
  local percent = unit == "%" and amount or points[unit] and 100 * amount * points[unit] / line_width or 100
  return string.format("%.4g%%", math.min(percent, 100))
end

function Figure(figure)
  local image
  figure:walk({ Image = function(found) image = found end })
  if not image then return nil end
  local alt = image.attributes.alt or pandoc.utils.stringify(image.caption)
  return pandoc.RawBlock("typst", string.format(
    "#figure(image(%s, width: %s, alt: %s), caption: [%s], placement: auto)%s\n",
    quoted(image.src), width_of(image), quoted(alt), typst(figure.caption.long),
    figure.identifier == "" and "" or "#label(" .. quoted(figure.identifier) .. ")"))
end

local longest_unbroken = 30 -- rows that surely fit on one page

function Table(table)
  local rows = 0
  for _, body in ipairs(table.bodies) do rows = rows + #body.body end
  if rows > longest_unbroken then return nil end
  return { pandoc.RawBlock("typst", "#block(breakable: false, width: 100%)["), table, pandoc.RawBlock("typst", "]") }
end

function Div(div)
  for _, class in ipairs({ "banner", "discussion" }) do
    if div.classes:includes(class) then
      local blocks = pandoc.Blocks({ pandoc.RawBlock("typst", "#" .. class .. "[") })
      blocks:extend(div.content)
      blocks:insert(pandoc.RawBlock("typst", "]"))
      return blocks
    end
  end
end
