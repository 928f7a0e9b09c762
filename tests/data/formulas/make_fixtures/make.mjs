// Renders every line of formulas.txt in each form that pages are found in, one JSON object a line:
// {"tex": source, "form": name, "html": markup}. Usage: npm install && node make.mjs > ../rendered.jsonl
import fs from 'fs';
import {createRequire} from 'module';
import {mathjax as mathjax4} from '@mathjax/src/js/mathjax.js';
import {TeX as TeX4} from '@mathjax/src/js/input/tex.js';
import {CHTML as CHTML4} from '@mathjax/src/js/output/chtml.js';
import {SVG as SVG4} from '@mathjax/src/js/output/svg.js';
import {liteAdaptor as liteAdaptor4} from '@mathjax/src/js/adaptors/liteAdaptor.js';
import {RegisterHTMLHandler as RegisterHTMLHandler4} from '@mathjax/src/js/handlers/html.js';
import {MathJaxNewcmFont as FontCHTML4} from '@mathjax/mathjax-newcm-font/js/chtml.js';
import {MathJaxNewcmFont as FontSVG4} from '@mathjax/mathjax-newcm-font/js/svg.js';
import '@mathjax/src/js/util/asyncLoad/esm.js';
import '@mathjax/src/js/input/tex/base/BaseConfiguration.js';
import '@mathjax/src/js/input/tex/ams/AmsConfiguration.js';

const require = createRequire(import.meta.url);
const katex = require('katex');
const temml = require('temml');
const mathjax2 = require('mathjax-node');
const {mathjax} = require('mathjax-full/js/mathjax.js');
const {TeX} = require('mathjax-full/js/input/tex.js');
const {CHTML} = require('mathjax-full/js/output/chtml.js');
const {SVG} = require('mathjax-full/js/output/svg.js');
const {liteAdaptor} = require('mathjax-full/js/adaptors/liteAdaptor.js');
const {RegisterHTMLHandler} = require('mathjax-full/js/handlers/html.js');
const {AllPackages} = require('mathjax-full/js/input/tex/AllPackages.js');
const {SerializedMmlVisitor} = require('mathjax-full/js/core/MmlTree/SerializedMmlVisitor.js');
const {STATE} = require('mathjax-full/js/core/MathItem.js');

const adaptor = liteAdaptor();
RegisterHTMLHandler(adaptor);
const packages = AllPackages.filter((name) => name !== 'bussproofs');
const input = () => new TeX({packages});
const chtml = mathjax.document('', {InputJax: input(), OutputJax: new CHTML({fontURL: ''})});
const svg = mathjax.document('', {InputJax: input(), OutputJax: new SVG({fontCache: 'local'})});
const mathml = new SerializedMmlVisitor();

const adaptor4 = liteAdaptor4();
RegisterHTMLHandler4(adaptor4);
const input4 = () => new TeX4({packages: ['base', 'ams']});
const chtml4 = mathjax4.document('', {InputJax: input4(), OutputJax: new CHTML4({fontData: FontCHTML4, fontURL: ''})});
const svg4 = mathjax4.document('', {InputJax: input4(), OutputJax: new SVG4({fontData: FontSVG4, fontCache: 'local'})});
// With its source the formula would need no glyphs to be read.
const glyphs = (html) => html.replace(/ data-latex(?:-item)?="[^"]*"/g, '');
const drawn = (html) => html.replace(/<defs>.*?<\/defs>/gs, '');

mathjax2.config({MathJax: {}});
mathjax2.start();
const commonHTML = (tex) => new Promise((resolve) =>
  mathjax2.typeset({math: tex, format: 'TeX', html: true, speakText: false}, (result) => resolve(result.html)));

const forms = {
  katex_spans: (tex) => katex.renderToString(tex, {output: 'html', displayMode: true}),
  katex_mathml: (tex) => katex.renderToString(tex, {output: 'mathml', displayMode: true}).replace(/<annotation.*?<\/annotation>/s, ''),
  temml: (tex) => temml.renderToString(tex, {displayMode: true}),
  mathjax2_chtml: commonHTML,
  mathjax3_chtml: (tex) => adaptor.outerHTML(chtml.convert(tex, {display: true})),
  mathjax3_svg: (tex) => drawn(adaptor.outerHTML(svg.convert(tex, {display: true}))),
  mathjax3_mathml: (tex) => mathml.visitTree(chtml.convert(tex, {display: true, end: STATE.CONVERT})).replace(/\n\s*/g, ''),
  mathjax4_chtml: async (tex) => glyphs(adaptor4.outerHTML(await chtml4.convertPromise(tex, {display: true}))),
  mathjax4_svg: async (tex) => glyphs(drawn(adaptor4.outerHTML(await svg4.convertPromise(tex, {display: true})))),
  mathjax4_pieces: async (tex) => glyphs(drawn(adaptor4.outerHTML(await svg4.convertPromise(tex, {display: false})))),
};
for (const tex of fs.readFileSync(new URL('formulas.txt', import.meta.url), 'utf8').split('\n').filter(Boolean)) {
  for (const [form, render] of Object.entries(forms)) {
    const html = (await render(tex)).replace(/ d="([^"]{60})[^"]*"/g, ' d="$1"');
    process.stdout.write(JSON.stringify({tex, form, html}) + '\n');
  }
}
process.exit(0);
