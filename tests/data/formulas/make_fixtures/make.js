// Renders every line of formulas.txt in each form that pages are found in, one JSON object a line:
// {"tex": source, "form": name, "html": markup}. Usage: npm install && node make.js > ../rendered.jsonl
const fs = require('fs');
const katex = require('katex');
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
const forms = {
  katex_spans: (tex) => katex.renderToString(tex, {output: 'html', displayMode: true}),
  katex_mathml: (tex) => katex.renderToString(tex, {output: 'mathml', displayMode: true}).replace(/<annotation.*?<\/annotation>/s, ''),
  mathjax3_chtml: (tex) => adaptor.outerHTML(chtml.convert(tex, {display: true})),
  mathjax3_svg: (tex) => adaptor.outerHTML(svg.convert(tex, {display: true})).replace(/<defs>.*?<\/defs>/s, ''),
  mathjax3_mathml: (tex) => mathml.visitTree(chtml.convert(tex, {display: true, end: STATE.CONVERT})).replace(/\n\s*/g, ''),
};
for (const tex of fs.readFileSync(`${__dirname}/formulas.txt`, 'utf8').split('\n').filter(Boolean)) {
  for (const [form, render] of Object.entries(forms)) {
    process.stdout.write(JSON.stringify({tex, form, html: render(tex).replace(/ d="([^"]{24})[^"]*"/g, ' d="$1"')}) + '\n');
  }
}
