"use strict";
// Shows every image at the level of the slider: the first bytes of its JPEG, and an end marker.
const slider = document.getElementById("slider");
const END_OF_IMAGE = new Uint8Array([0xff, 0xd9]);

function decode(dataUrl) {
  return Uint8Array.from(atob(dataUrl.slice(dataUrl.indexOf(",") + 1)), (c) => c.charCodeAt(0));
}

function numbers(text) {
  return text.split(" ").map(Number);
}

class LevelImage {
  constructor(figure) {
    this.picture = figure.querySelector("img");
    this.caption = figure.querySelector(".numbers");
    this.jpeg = decode(this.picture.src);
    this.ends = numbers(figure.dataset.ends);
    this.sizes = numbers(figure.dataset.sizes);
    this.similarities = numbers(figure.dataset.similarities);
    this.sourceBytes = Number(figure.dataset.sourceBytes);
    this.urls = [];
  }

  show(level) {
    this.urls[level] ??= URL.createObjectURL(
      new Blob([this.jpeg.subarray(0, this.ends[level - 1]), END_OF_IMAGE], { type: "image/jpeg" })
    );
    this.picture.src = this.urls[level];
    const bytes = this.sizes[level - 1];
    const share = this.sourceBytes ? ` (${((100 * bytes) / this.sourceBytes).toFixed(0)} %)` : "";
    const similarity = this.similarities[level - 1].toFixed(4);
    this.caption.textContent = `${bytes.toLocaleString("en")} bytes${share}, MS-SSIM ${similarity}`;
  }
}

if (slider) {
  const images = Array.from(document.querySelectorAll(".image"), (figure) => new LevelImage(figure));
  const show = () => {
    const level = Number(slider.value);
    document.getElementById("chosen").textContent = level;
    slider.setAttribute("aria-valuetext", `level ${level} of ${slider.max}`);
    images.forEach((image) => image.show(level));
  };
  slider.addEventListener("input", show);
  show();
}
