// Boxes and points that an answer names, drawn on its picture; called by playground.js.
"use strict";

const ASKS_WHERE = /\b(box|bbox|bound|coordinate|locat|detect|where|position|point|find)/i;
const numbersIn = (text) => (text.match(/\d+(\.\d+)?/g) ?? []).map(Number);

// [{at: [x, y] or [x1, y1, x2, y2], unit, label}]: what is written as a place, never mere numbers. A unit is
// how many of them a picture is wide and high, "0" for pixels, with " y" where y comes first; "": not known.
function placesIn(answer, question) {
  const places = [], hasTags = answer.includes("<box>"), isWhere = hasTags || ASKS_WHERE.test(question);
  const add = (at, unit = "", label = "") => places.push({ at, unit, label: String(label).trim() });
  for (const [, marks, label] of answer.matchAll(/((?:<loc\d{4}>){4})([^<;\n]*)/g)) {
    add(numbersIn(marks), "1024 y", label);
  }
  for (const [text] of answer.matchAll(/\{[^{}]*\}/g)) {
    let found = {};
    try { found = JSON.parse(text); } catch { /* not JSON */ }
    const { label, x, y, x_min: left, y_min: top, x_max: right, y_max: bottom } = found;
    const list = found.box_2d ?? found.bbox_2d ?? found.bbox ?? found.point_2d ?? found.point;
    if (list) add(list, found.box_2d ? "1000 y" : "", label);
    else if (right) add([left, top, right, bottom], "", label);
    else if (isWhere && "x" in found) add([x, y], "", label);
  }
  const lists = places.length || !isWhere ? [] : answer.match(/\[\s*[\d.]+(\s*,\s*[\d.]+){3}\s*\]/g);
  for (const list of lists ?? []) add(numbersIn(list), hasTags ? "1000" : "");
  return places.filter(({ at }) => Array.isArray(at) && at.every((one) => Number.isFinite(one) && one >= 0) &&
    (at.length === 2 || (at.length === 4 && at[0] < at[2] && at[1] < at[3])));
}

// Shows the picture with its places, in the unit that their form has, or their numbers and the model's family
// suggest; `reduced` says to which size it was made smaller for the model.
function showPlaces(figure, image, places, model, reduced) {
  const canvas = $("canvas", figure), menu = $("select", figure), pen = canvas.getContext("2d");
  const smaller = reduced.match(/to (\d+)x(\d+)$/)?.slice(1).map(Number);
  const size = smaller ?? [image.naturalWidth, image.naturalHeight], line = Math.max(...size) / 200;
  const numbers = places.flatMap(({ at }) => at), most = Math.max(...numbers);
  const isInside = numbers.every((one, index) => one <= size[index % 2]);
  const isThousandths = most <= 1000 && (!isInside || /qwen3|internvl|glm|minicpm/i.test(model));
  menu.value = places[0].unit || (most <= 1 ? "1" : isThousandths ? "1000" : "0");
  const draw = () => {
    const unit = menu.value, scale = parseInt(unit);
    [canvas.width, canvas.height] = size;
    pen.drawImage(image, 0, 0, ...size);
    pen.strokeStyle = pen.fillStyle = getComputedStyle(canvas).color;
    [pen.lineWidth, pen.font] = [line, `bold ${line * 7}px sans-serif`];
    for (const { at, label } of places) {
      const inOrder = unit.endsWith("y") ? at.map((_, index) => at[index ^ 1]) : at;
      const [x, y, x2, y2] = inOrder.map((one, index) => (scale ? (one / scale) * size[index % 2] : one));
      if (at.length === 4) pen.strokeRect(x, y, x2 - x, y2 - y);
      else pen.fillRect(x - 2 * line, y - 2 * line, 4 * line, 4 * line);
      pen.fillText(label, x, Math.max(y - 2 * line, 7 * line));
    }
  };
  menu.onchange = draw;
  canvas.setAttribute("aria-label", `${image.alt}, marked: ${places.map(({ label }) => label).join(", ")}`);
  figure.hidden = false;
  draw();
}
