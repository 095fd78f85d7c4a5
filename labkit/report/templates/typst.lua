-- Carries into Typst what pandoc's writer leaves out: alternative text and floating of images, tables that stay on one
-- page, and boxes for marked passages.

local function typst(blocks)
  return pandoc.write(pandoc.Pandoc(blocks), "typst")
end

function Figure(figure)
  local image
  figure:walk({ Image = function(found) image = found end })
  if not image then return nil end
  local alt = (image.attributes.alt or ""):gsub('[\\"]', "\\%0")
  local width = image.attributes.width or "100%"
  return pandoc.RawBlock("typst", string.format(
    '#figure(image("%s", width: %s, alt: "%s"), caption: [%s], placement: auto)\n',
    image.src, width, alt, typst(figure.caption.long)))
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
