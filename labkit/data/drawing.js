// The browser's half of canvas.py: draw, send the drawing as grey bytes, show the answer.

const PEN = 0.095; // width as a share of the canvas: strokes come out as thick as MNIST's
const PAUSE = 150; // ms between two drawings that are sent while the pen moves
const PATIENCE = 3000; // ms without an answer after which the reader is told

function add(parent, tag, properties = {}) {
  return parent.appendChild(Object.assign(document.createElement(tag), properties));
}

function render({ model, el }) {
  const side = model.get("side");
  const strokes = []; // each a list of points [x, y] between 0 and 1
  let pen; // the pointer that draws now
  let sending, waiting; // timers

  const root = add(el, "div", { className: "labkit-canvas" });
  root.dataset.lmSuppressShortcuts = "true"; // or JupyterLab takes Enter away from the buttons

  const left = add(root, "div", { className: "labkit-canvas-input" });
  const board = add(left, "canvas", {
    className: "labkit-canvas-board",
    role: "img",
    ariaLabel: "Drawing area: draw one digit with mouse, pen or finger",
  });
  const buttons = add(left, "div", { className: "labkit-canvas-buttons" });
  const undo = add(buttons, "button", { type: "button", textContent: "Undo", ariaLabel: "Undo the last stroke" });
  const clear = add(buttons, "button", { type: "button", textContent: "Clear", ariaLabel: "Clear the drawing" });

  const figure = add(left, "figure");
  const seen = add(figure, "canvas", {
    width: 28,
    height: 28,
    role: "img",
    ariaLabel: "The drawing as the networks see it, 28 by 28 pixels",
  });
  add(figure, "figcaption", { textContent: "What the networks see: 28 × 28 pixels" });

  const right = add(root, "div", { className: "labkit-canvas-answer" });
  const status = add(right, "p", { role: "status" }); // a live region: screen readers say what is written to it
  const table = add(right, "table");
  const head = add(add(table, "thead"), "tr");
  for (const title of ["digit", "probability", "%"]) add(head, "th", { scope: "col", textContent: title });
  const body = add(table, "tbody");
  const rows = model.get("names").map((name) => {
    const row = add(body, "tr");
    add(row, "th", { scope: "row", textContent: name });
    const track = add(add(row, "td"), "div", { className: "labkit-canvas-track", ariaHidden: "true" });
    return { row, track, bar: add(track, "div", { className: "labkit-canvas-bar" }), number: add(row, "td") };
  });
  add(right, "p", { className: "labkit-canvas-note", textContent: "Bars: mean over the networks. Dots: each network." });

  // Strokes, not pixels, are kept: so the board stays sharp at every zoom, and what is sent does not depend on it.
  function paint(canvas, pixels) {
    if (canvas.width !== pixels) canvas.width = canvas.height = pixels;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.clearRect(0, 0, pixels, pixels);
    Object.assign(context, { lineWidth: PEN * pixels, lineCap: "round", lineJoin: "round", strokeStyle: "white" });
    for (const stroke of strokes) {
      context.beginPath();
      for (const [x, y] of stroke) context.lineTo(x * pixels, y * pixels);
      context.stroke();
    }
    return context;
  }

  function paintBoard() {
    const pixels = Math.round(board.clientWidth * window.devicePixelRatio);
    if (pixels) paint(board, pixels);
  }

  function send() {
    clearTimeout(sending);
    sending = undefined;
    const grey = new Uint8Array(strokes.length ? side * side : 0);
    if (strokes.length) {
      const { data } = paint(document.createElement("canvas"), side).getImageData(0, 0, side, side);
      for (let i = 0; i < grey.length; i++) grey[i] = data[4 * i + 3]; // white ink on nothing: opacity is brightness
    }
    model.set("drawing", new DataView(grey.buffer));
    model.save_changes();
  }

  function wait() {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      status.textContent = "No answer yet: the kernel is busy with another cell, or it was stopped.";
    }, PATIENCE);
  }

  function show() {
    clearTimeout(waiting);
    const { text, means, spreads, dots, seen: bytes } = model.get("answer");
    // Not while the pen moves: a screen reader would read out every change of mind.
    if (pen === undefined) status.textContent = text ?? "Draw a digit on the black square.";
    const best = means ? means.indexOf(Math.max(...means)) : -1;
    rows.forEach(({ row, track, bar, number }, index) => {
      row.className = index === best ? "labkit-canvas-best" : "";
      bar.style.width = `${means?.[index] ?? 0}%`;
      const spread = dots?.length > 1 ? ` ± ${spreads[index].toFixed(0)}` : "";
      number.textContent = means ? means[index].toFixed(0) + spread : "";
      for (const dot of track.querySelectorAll("i")) dot.remove();
      for (const values of dots ?? []) add(track, "i").style.left = `${values[index]}%`;
    });
    const context = seen.getContext("2d");
    const picture = context.createImageData(28, 28);
    for (let i = 0; i < 28 * 28; i++) picture.data.fill(bytes?.getUint8(i) ?? 0, 4 * i, 4 * i + 3);
    for (let i = 3; i < picture.data.length; i += 4) picture.data[i] = 255;
    context.putImageData(picture, 0, 0);
  }

  function addPoint(event) {
    const box = board.getBoundingClientRect();
    strokes.at(-1).push([(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height]);
  }

  board.addEventListener("pointerdown", (event) => {
    if (pen !== undefined || event.button !== 0) return; // a second finger, or the palm of the hand
    event.preventDefault();
    pen = event.pointerId;
    board.setPointerCapture(pen);
    strokes.push([]);
    addPoint(event);
    const [[x, y]] = strokes.at(-1);
    strokes.at(-1).push([x + 0.001, y]); // a line without length is not drawn: a tap leaves a dot
    paintBoard();
  });
  board.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pen) return;
    const passed = event.getCoalescedEvents?.() ?? []; // a fast pen passes more points than the screen has frames
    for (const point of passed.length ? passed : [event]) addPoint(point);
    paintBoard();
    sending ??= setTimeout(send, PAUSE);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    board.addEventListener(end, (event) => {
      if (event.pointerId !== pen) return;
      pen = undefined;
      show(); // the answer so far; `send` is silent when nothing has changed since
      send();
    });
  }
  undo.addEventListener("click", () => {
    strokes.pop();
    paintBoard();
    send();
  });
  clear.addEventListener("click", () => {
    strokes.length = 0;
    paintBoard();
    send();
  });

  model.on("change:drawing", wait);
  model.on("change:answers", show);
  window.addEventListener("resize", paintBoard); // also when the page is zoomed
  show();
  if (model.get("drawing").byteLength) send(); // shown again, by a reloaded page: the strokes are gone
  return () => {
    clearTimeout(sending);
    clearTimeout(waiting);
    model.off("change:drawing", wait);
    model.off("change:answers", show);
    window.removeEventListener("resize", paintBoard);
  };
}

export default { render };
