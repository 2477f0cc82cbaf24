// The playground: pictures and a question in, streamed answers out, and what is done with an answer.
"use strict";

const $ = (selector, inside = document) => inside.querySelector(selector);
const form = $("#ask"), question = $("#question"), talk = $("#talk"), thumbs = $("#thumbs");
const taking = $("#taking"), video = $("#taking video");
const UNSEEN = /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
const CUT = "Viewfinder was not reached, or stopped. Is `viewfinder serve` running? Then ask again.";
let sent = []; // the pictures of the conversation: <img> with type, url and seenBy: models
let talks = {}; // by model, the messages of its conversation
let stopper = null; // while models answer
const fresh = (name) => $(`#${name}`).content.firstElementChild.cloneNode(true);
const show = (element, text) => { element.textContent = text; element.hidden = !text; };

async function add(files) {
  for (const file of files) {
    const image = new Image(), reader = new FileReader(), item = fresh("thumb-parts");
    const { bytes, pixels, most } = form.dataset, name = file.name.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "_");
    Object.assign(image, { src: URL.createObjectURL(file), alt: name, type: file.type, seenBy: new Set() });
    const isPicture = await image.decode().then(() => /png|jpeg|webp|gif/.test(file.type), () => false);
    const isLarge = file.size > bytes || image.naturalWidth * image.naturalHeight > pixels;
    const fault = isLarge ? `is too large: over ${most}` : "is not a PNG, JPEG, WebP or GIF that can be read";
    if (isLarge || !isPicture) { tell(`${name} ${fault}.`, true); continue; }
    await new Promise((done) => { reader.onload = done; reader.readAsDataURL(file); });
    image.url = reader.result;
    item.firstElementChild.append(image);
    item.onclick = () => { item.remove(); $("#files").focus(); };
    thumbs.append(item);
  }
}

// The conversation so far with the new question, and with every picture that this model has not seen yet.
function requestOf(model, asked) {
  const unseen = sent.filter(({ seenBy }) => !seenBy.has(model));
  const images = unseen.map(({ url }) => ({ type: "image_url", image_url: { url } }));
  const content = images.length ? [...images, { type: "text", text: asked }] : asked;
  const options = [...new FormData(form)].filter(([, value]) => value).map(([name, value]) => [name, +value]);
  const messages = [...(talks[model] ?? []), { role: "user", content }], usage = { include_usage: true };
  return { model, messages, ...Object.fromEntries(options), stream: true, stream_options: usage };
}

async function* eventsOf(response) {
  if (response.status === 401) throw Error("Your session is over. Sign in again in another tab: /login");
  if (!response.ok) throw Error((await response.json()).error.message);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let events = [""]; ;) {
    const { done, value } = await reader.read();
    if (done) throw TypeError("cut off");
    events = (events.pop() + value).split("\n\n");
    for (const event of events.slice(0, -1).filter((one) => one.startsWith("data: "))) {
      if (event === "data: [DONE]") return;
      yield JSON.parse(event.slice(6));
    }
  }
}

async function answer(asked, model, article) {
  const part = (name) => $(`.${name}`, article), request = requestOf(model, asked), pictures = sent;
  const server = async () => (await call("/fleet").catch(() => 0)).servers?.find((it) => it.model === model);
  let text = "", counts = {}, failure = "", placed = {}, firstAt, lastAt;
  const watching = setInterval(async () => {
    part("doing").textContent = article.dataset[(await server())?.state] ?? `Loading ${model} …`;
  }, 400);
  const began = performance.now();
  try {
    const headers = { "content-type": "application/json", "x-viewfinder-token": token() };
    const posted = { method: "POST", headers, body: JSON.stringify(request), signal: stopper.signal };
    const response = await fetch("/v1/chat/completions", posted);
    show(part("reduced"), response.headers.get("x-viewfinder-reduced")?.replace(/messages\S+ /g, ""));
    show(part("ignored"), response.headers.get("x-viewfinder-ignored"));
    for await (const { error, usage, choices } of eventsOf(response)) {
      if (error) throw Error(error.message);
      const { content, reasoning_content: thought } = choices[0]?.delta ?? {};
      counts = usage ?? counts;
      if (choices[0]?.finish_reason) placed = choices[0].delta;
      if (!content && !thought) continue;
      lastAt = performance.now();
      firstAt ??= lastAt;
      text += content ?? "";
      part(content ? "said" : "thought").append(content || thought);
    }
  } catch (error) {
    failure = { AbortError: "Stopped.", TypeError: CUT }[error.name] ?? error.message;
  }
  clearInterval(watching);
  show(part("failure"), failure);
  $("#announce").textContent = `${model}: ${text.slice(0, 1000)} ${failure}`;
  if (text && (!failure || stopper.signal.aborted)) {
    talks[model] = [...request.messages, { role: "assistant", content: text }];
    for (const picture of pictures) picture.seenBy.add(model);
  } else question.value ||= asked;
  const seconds = (at) => (at ? `${((at - began) / 1000).toFixed(2)} s` : ""), writing = lastAt - firstAt;
  const { prompt_tokens: prompt, completion_tokens: tokens, prompt_tokens_details: details } = counts;
  const numbers = {
    first: seconds(firstAt), whole: seconds(lastAt), tokens, prompt,
    speed: tokens > 1 && writing > 20 ? `${((tokens - 1) / writing * 1000).toFixed(1)} tokens/s` : "",
    "image-tokens": pictures.length ? details?.image_tokens ?? "not reported" : "",
    memory: Math.round((await server())?.memory_bytes / 1e6) || "",
    size: pictures.map((image) => `${image.naturalWidth}x${image.naturalHeight}`).join(", "),
  };
  for (const [name, value] of Object.entries(numbers)) show(part(name), value);
  for (const kind of ["curl", "python"]) part(kind).onclick = () => copy(kind, request, pictures, part);
  part("rate").hidden = !text || pictures.length !== 1;
  part("rate").onclick = ({ target }) => {
    const rated = { right: target.value === "right", right_answer: $("input", article).value.trim() };
    const body = { model, question: asked, image: pictures[0].url, answer: text, ...rated };
    target.dataset.body = JSON.stringify(body);
  };
  part("after").hidden = false;
  const { boxes = [], not_placed: notPlaced = [] } = placed;
  if (boxes.length || notPlaced.length) showPlaces(part("boxed"), pictures, boxes, notPlaced);
}

// The same request for another program, with the pictures as files.
function copy(kind, request, pictures, part) {
  const isCurl = kind === "curl", { stream, stream_options: _, ...plain } = request;
  let text = JSON.stringify(isCurl ? request : plain, null, 2);
  text = text.replace(UNSEEN, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
  if (isCurl) text = text.replace(/[\\$`]/g, "\\$&");
  for (const { alt: name, type, url } of pictures) {
    const file = `$(base64 < '${name.replaceAll("'", "'\\''")}' | tr -d '\\n')`;
    if (isCurl) text = text.replaceAll(url, () => `data:${type};base64,${file}`);
    else text = text.replaceAll(`"${url}"`, () => `picture(${JSON.stringify(name)}, "${type}")`);
  }
  const code = $(`#${kind}-code`).content.textContent.trim().replace("ORIGIN", location.origin);
  show(part("code"), code.replace("REQUEST", () => text));
  navigator.clipboard?.writeText(part("code").textContent).then(() => tell("Copied."), () => {});
}

$("#camera").onclick = async () => {
  try { video.srcObject = await navigator.mediaDevices.getUserMedia({ video: true }); } catch ({ name }) {
    return tell(`No camera (${name}). It needs your permission, and https or this computer.`, true);
  }
  taking.returnValue = "";
  taking.showModal();
};
taking.onclose = () => {
  const canvas = $("canvas", taking), type = "image/jpeg";
  Object.assign(canvas, { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d").drawImage(video, 0, 0);
  if (taking.returnValue) canvas.toBlob((blob) => add([new File([blob], "camera.jpg", { type })]), type);
  for (const track of video.srcObject.getTracks()) track.stop();
};

// One model is asked after the other, so that none slows another down.
form.onsubmit = async (event) => {
  event.preventDefault();
  if (stopper) return;
  const round = fresh("round-parts"), asked = question.value.trim(), images = thumbs.querySelectorAll("img");
  const menus = [...form.querySelectorAll("select")].filter((menu) => menu.offsetParent && menu.value);
  const articles = new Map(menus.map((menu) => [menu.value, fresh("answer-parts")]));
  for (const [model, article] of articles) $(".model", article).textContent = model;
  $(".question", round).textContent = asked;
  $(".pictures", round).append(...images);
  $(".answers", round).append(...articles.values());
  [sent, question.value] = [[...sent, ...images], ""];
  thumbs.replaceChildren();
  talk.append(round);
  round.scrollIntoView();
  [stopper, form.dataset.busy] = [new AbortController(), "yes"];
  for (const [model, article] of articles) await answer(asked, model, article);
  [stopper, form.dataset.busy] = [null, "no"];
};
question.onkeydown = (event) => {
  const asks = event.key === "Enter" && !event.shiftKey && !event.isComposing;
  if (asks) { event.preventDefault(); form.requestSubmit(); }
};
document.onpaste = (event) => add(event.clipboardData.files);
document.ondragover = (event) => event.preventDefault();
document.ondrop = (event) => { event.preventDefault(); add(event.dataTransfer.files); };
$("#files").onchange = (event) => add(event.target.files);
$("#stop").onclick = () => stopper.abort();
$("#renew").onclick = () => { [sent, talks] = [[], {}]; talk.replaceChildren(); question.focus(); };
