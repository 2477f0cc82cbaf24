// The boxes and points of an answer, which the server gives in pixels, drawn on their pictures; called by
// playground.js.
"use strict";

// `boxes` as in the reply: [{image, box: [left, top, right, bottom] or point: [x, y], label}]. Each picture
// that has some gets a canvas of its own; what was not placed is told below, with the reason.
function showPlaces(figure, pictures, boxes, notPlaced) {
  const first = $("canvas", figure), told = $("figcaption", figure);
  const marked = pictures.map((image, index) => [image, boxes.filter((one) => one.image === index)]);
  marked.filter(([, own]) => own.length).forEach(([image, own], index) => {
    const canvas = index ? first.cloneNode() : first;
    if (index) told.before(canvas);
    drawPlaces(canvas, image, own);
  });
  first.hidden = !boxes.length;
  const reasons = [...new Set(notPlaced.map(({ why }) => why))].join("; ");
  show(told, reasons && `Coordinates that were not placed: ${notPlaced.length}, because ${reasons}.`);
  figure.hidden = false;
}

function drawPlaces(canvas, image, boxes) {
  const pen = canvas.getContext("2d"), size = [image.naturalWidth, image.naturalHeight];
  const line = Math.max(...size) / 200;
  [canvas.width, canvas.height] = size;
  pen.drawImage(image, 0, 0, ...size);
  pen.strokeStyle = pen.fillStyle = getComputedStyle(canvas).color;
  [pen.lineWidth, pen.font] = [line, `bold ${line * 7}px sans-serif`];
  for (const { box, point, label } of boxes) {
    const [x, y, x2, y2] = box ?? point;
    if (box) pen.strokeRect(x, y, x2 - x, y2 - y);
    else pen.fillRect(x - 2 * line, y - 2 * line, 4 * line, 4 * line);
    pen.fillText(label ?? "", x, Math.max(y - 2 * line, 7 * line));
  }
  const labels = boxes.map(({ label }) => label).filter(Boolean).join(", ");
  canvas.setAttribute("aria-label", `${image.alt}, marked: ${labels || `${boxes.length} without a name`}`);
}
