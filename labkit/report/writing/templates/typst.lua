-- Carries into Typst what pandoc's writer leaves out: alternative text of images and formulas, evidence that stays in one
-- piece, pairs side by side, boxes for marked passages, and headings without a gap between their levels.

local function typst(blocks)
  return pandoc.write(pandoc.Pandoc(blocks), "typst-citations")
end

local function quoted(text)
  return '"' .. text:gsub('[\\"]', "\\%0") .. '"'
end

local points = { [""] = 0.75, px = 0.75, pt = 1, mm = 2.835, cm = 28.35, ["in"] = 72 }
local line_width = 459 -- points
local figures = {} -- what is known of a figure, by its Typst

-- How much of the line a width is, in percent; nil where an image is as wide as it was made.
local function percent_of(width)
  local amount, unit = (width or ""):match("^([%d.]+)%s*(%a*%%?)$")
  amount = tonumber(amount)
  if not amount then return nil end
  local percent = unit == "%" and amount or points[unit] and 100 * amount * points[unit] / line_width or 100
  return math.min(percent, 100)
end

local function figure_of(known, width)
  return string.format("#figure(image(%s, width: %s, alt: %s), caption: [%s])%s", quoted(known.src), width,
    known.alt, known.caption, known.label)
end

-- A piece of evidence with a key of its own, by which its place on the page is told and mended.
local function evidence(element, make, scalable)
  local key = element.attributes.key
  return pandoc.RawBlock("typst", string.format("#evidence(%s, %s)[%s]\n", key, scalable or false, make(key)))
end

local function spoken(image)
  local said = image.attributes.alt or pandoc.utils.stringify(image.caption)
  return quoted(said ~= "" and said or image.src)
end

local inner = {
  Math = function(math)
    local set = pandoc.write(pandoc.Pandoc({ pandoc.Plain({ math }) }), "typst"):gsub("\n+$", "")
    return pandoc.RawInline("typst", string.format("#formula(%s)[%s]", quoted(math.text), set))
  end,
  Image = function(image) -- one in a line of text
    if image.classes:includes("of-a-figure") then return nil end
    local width = percent_of(image.attributes.width)
    return pandoc.RawInline("typst", string.format("#box(image(%s, width: %s, alt: %s))", quoted(image.src),
      width and string.format("%.4g%%", width) or "auto", spoken(image)))
  end,
}

-- Whether the first letter of a text is of a script that runs from right to left, such as Arabic or Hebrew.
local function leftwards(text)
  for _, code in utf8.codes(text) do
    if (code >= 0x590 and code <= 0x8FF) or (code >= 0xFB1D and code <= 0xFDFF) or (code >= 0xFE70 and code <= 0xFEFF) then
      return true
    elseif (code >= 0x41 and code <= 0x5A) or (code >= 0x61 and code <= 0x7A) or code >= 0xC0 then
      return false
    end
  end
  return false
end

function inner.Para(paragraph)
  if not leftwards(pandoc.utils.stringify(paragraph)) then return nil end
  return { pandoc.RawBlock("typst", "#[#set text(dir: rtl)"), paragraph, pandoc.RawBlock("typst", "]") }
end

local first = {
  Figure = function(figure)
    return figure:walk({
      Image = function(image)
        image.classes:insert("of-a-figure")
        return image
      end,
    })
  end,
}

-- Keys in the order of the text: a box's before those of what stands in it.
local count = 0
local function give_key(element)
  count = count + 1
  element.attributes.key = count
  return element
end

local keys = { traverse = "topdown", Figure = give_key, Table = give_key, Div = give_key }

local outer = {}

function outer.Figure(figure)
  local image
  figure:walk({ Image = function(found) image = found end })
  if not image then return nil end
  local known = {
    src = image.src, width = percent_of(image.attributes.width), drawn = percent_of(image.attributes.drawn), caption = typst(figure.caption.long),
    alt = spoken(image),
    label = figure.identifier == "" and "" or "#label(" .. quoted(figure.identifier) .. ")",
  }
  local block = evidence(figure, function(key)
    return figure_of(known, known.width and string.format("%.4g%% * scale-of(%s)", known.width, key) or "auto")
  end, known.width ~= nil)
  figures[block.text] = known
  return block
end

local longest_unbroken = 30 -- rows that surely fit on one page
local most_columns = 7 -- that have room in letters of the usual size

function outer.Table(table)
  local rows = 0
  for _, body in ipairs(table.bodies) do rows = rows + #body.body end
  if rows > longest_unbroken then return nil end
  if #table.colspecs > most_columns then
    for _, row in ipairs(table.head.rows) do
      for _, cell in ipairs(row.cells) do
        cell.contents:insert(1, pandoc.RawBlock("typst", "#narrow["))
        cell.contents:insert(pandoc.RawBlock("typst", "]"))
      end
    end
  end
  local set = typst({ table })
  if #table.colspecs > most_columns then set = "#wide[" .. set .. "]" end
  return evidence(table, function() return set end)
end

local widest_pair = 155 -- percent of the line that two figures were drawn for; more could not be read side by side

-- Two figures side by side, as wide as they were drawn beside each other; one below the other where they are too wide.
local function pair(div)
  local known = {}
  for _, block in ipairs(div.content) do table.insert(known, figures[block.text] or false) end
  local left, right = known[1], known[2]
  if #known ~= 2 or not (left and right and left.width and right.width) then return div.content end
  local one, two = left.drawn or left.width, right.drawn or right.width
  if one + two > widest_pair then return div.content end
  return evidence(div, function(key)
    return string.format("#pair(scale-of(%s), %.4g, [%s], %.4g, [%s])", key, one, figure_of(left, "100%"), two,
      figure_of(right, "100%"))
  end, true)
end

function outer.Div(div)
  if div.classes:includes("pair") then return pair(div) end
  for _, class in ipairs({ "banner", "discussion", "question", "appendix" }) do
    if div.classes:includes(class) then
      local key = class == "discussion" and "(" .. div.attributes.key .. ")" or ""
      local blocks = pandoc.Blocks({ pandoc.RawBlock("typst", "#" .. class .. key .. "[") })
      blocks:extend(div.content)
      blocks:insert(pandoc.RawBlock("typst", "]"))
      return blocks
    end
  end
end

function outer.Pandoc(document)
  local level = 0
  document.blocks = document.blocks:walk({
    Header = function(header)
      level = math.min(header.level, level + 1)
      header.level = level
      return header
    end,
  })
  return document
end

return { first, keys, inner, outer }
