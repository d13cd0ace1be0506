/* What the tests ask of a page, in the page. */
window.probes = {
  /* Wait until formulas are set and fonts are there. */
  async ready() {
    if (window.MathJax && MathJax.startup) await MathJax.startup.promise;
    await document.fonts.ready;
  },

  describe(element) {
    const classes = element.classList.length ? "." + [...element.classList].join(".") : "";
    const text = (element.textContent || "").trim().replace(/\s+/g, " ").slice(0, 60);
    return `<${element.tagName.toLowerCase()}${classes}> ${text}`;
  },

  visible(element) {
    return element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  },

  /* The text of the page that is neither code nor set by MathJax. */
  *texts() {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node; (node = walker.nextNode()); ) {
      if (node.data.trim() && !node.parentElement.closest("script, style, noscript, svg")) yield node;
    }
  },

  /* Formulas that are not set, set wrongly, or left in the text. */
  formulas() {
    const marked = [...document.querySelectorAll(".math")];
    const set = [...document.querySelectorAll("mjx-container")];
    const raw = [];
    for (const node of this.texts()) {
      if (node.parentElement.closest("pre, code, mjx-container")) continue;
      if (/\$|\\[()[\]]|\\[a-zA-Z]{2,}/.test(node.data)) raw.push(node.data.trim().slice(0, 80));
    }
    const size = (element) => element.getBoundingClientRect();
    return {
      count: set.length,
      plain: marked.filter((e) => !e.querySelector("mjx-container")).map(this.describe),
      errors: [...document.querySelectorAll("mjx-merror")].map(this.describe),
      empty: set
        .filter((e) => this.visible(e) && !(size(e).width > 0 && size(e).height > 0))
        .map((e) => this.describe(e.parentElement)),
      raw,
    };
  },

  /* A colour as red, green, blue from 0 to 255 and its opacity. */
  rgba(colour) {
    const canvas = (this.canvas ??= new OffscreenCanvas(1, 1));
    const pen = (this.pen ??= canvas.getContext("2d", { willReadFrequently: true }));
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  },

  over([r, g, b, a], below) {
    return [r, g, b].map((c, k) => a * c + (1 - a) * below[k]);
  },

  background(element, known) {
    if (!element) return [255, 255, 255];
    if (!known.has(element)) {
      const below = this.background(element.parentElement, known);
      const own = getComputedStyle(element).backgroundColor;
      known.set(element, own === "rgba(0, 0, 0, 0)" ? below : this.over(this.rgba(own), below));
    }
    return known.get(element);
  },

  luminance(rgb) {
    const [r, g, b] = rgb.map((c) => {
      const s = c / 255;
      return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  },

  /* Text with less contrast than WCAG 2.2 asks for: 4.5, and 3 where it is large. */
  faint() {
    const known = new Map();
    const ratios = new Map();
    const found = new Set();
    for (const node of this.texts()) {
      const element = node.parentElement;
      if (ratios.has(element) || !this.visible(element)) continue;
      const style = getComputedStyle(element);
      const below = this.background(element, known);
      const [above, under] = [this.over(this.rgba(style.color), below), below].map((c) =>
        this.luminance(c)
      );
      const ratio = (Math.max(above, under) + 0.05) / (Math.min(above, under) + 0.05);
      ratios.set(element, ratio);
      const size = parseFloat(style.fontSize);
      const large = size >= 24 || (size >= 18.66 && parseInt(style.fontWeight) >= 700);
      if (ratio < (large ? 3 : 4.5)) {
        found.add(`${ratio.toFixed(2)} ${style.color} on rgb(${below.map(Math.round)}) ` +
          this.describe(element));
      }
    }
    return [...found];
  },

  /* What reaches over the right edge of the screen without a scroll bar of its own. */
  wide() {
    const edge = document.documentElement.clientWidth + 1;
    const found = [];
    if (document.documentElement.scrollWidth > edge) {
      found.push(`the page is ${document.documentElement.scrollWidth} wide`);
    }
    const canScroll = (element) => {
      for (let e = element.parentElement; !e.matches("[role=main]"); e = e.parentElement) {
        const scrolls = ["auto", "scroll"].includes(getComputedStyle(e).overflowX);
        if (scrolls && e.getBoundingClientRect().right <= edge) return true;
      }
      return false;
    };
    for (const element of document.querySelectorAll("[role=main] *")) {
      const box = element.getBoundingClientRect();
      if (box.width > 1 && box.right > edge && this.visible(element) && !canScroll(element)) {
        found.push(`${Math.round(box.right)} ${this.describe(element)}`);
      }
    }
    return found;
  },
};
