<%!
    MARKS = {"own": "own rows", "shared": "rows of all", "denied": "may not read",
             "leak": "too much", "missing": "too little", "unknown": "not countable"}
%>\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>What each principal sees</title>
<style>
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }
body { margin: 2rem auto; padding: 0 1.5rem; width: fit-content; max-width: 100%; box-sizing: border-box; }
h1 { margin: 0; } h2 { margin: 2.2rem 0 .6rem; }
.verdict { font-size: 1.3rem; margin: .3rem 0; }
.good { color: light-dark(#15683a, #6fd69a); } .bad { color: light-dark(#b3170b, #ff8a7a); }
.legend span { display: inline-block; margin: 0 1.2rem .3rem 0; padding: .1rem .5rem; border-radius: .2rem; }
p { max-width: 48rem; } .grid { overflow-x: auto; }
table { border-collapse: collapse; }
th { font-weight: 500; text-align: left; }
.matrix thead th { height: 11rem; vertical-align: bottom; padding: 0 0 .4rem; min-width: 3.4rem; }
.matrix thead th span { writing-mode: vertical-rl; transform: rotate(180deg); white-space: nowrap; }
.matrix thead th.what { padding-right: 1rem; }
.matrix th[scope=row] { position: sticky; left: 0; background: Canvas; padding-right: 1rem;
  max-width: min(26rem, 45vw); overflow-wrap: break-word; }
.matrix td { text-align: right; padding: .12rem .45rem; border: 1px solid light-dark(#e3e3e0, #3a3a3a);
  font-variant-numeric: tabular-nums; }
.list td:nth-child(n + 2) { overflow-wrap: anywhere; }
.list td, .list th { padding: .15rem 1rem .15rem 0; border-top: 1px solid light-dark(#e3e3e0, #3a3a3a); }
tbody tr:hover > * { outline: 1px solid light-dark(#999, #777); }
.own { background: light-dark(#dff3e4, #1c4a2e); } .shared { background: light-dark(#eef1f7, #2b3140); }
.denied { color: GrayText; }
.leak, .missing, .unknown { background: light-dark(#b3170b, #d9372a); color: #fff; font-weight: 600; }
code { font-size: .92em; } footer { margin-top: 2.5rem; color: GrayText; }
</style>
<h1>What each principal sees</h1>
<p class="verdict ${'bad' if matrix.problems else 'good'}">${len(people)} sessions,
${len(matrix.cells)} cells, ${len(matrix.problems)} wrong</p>
<p>Measured on ${at}: each session asked for every object, as a server asks for it; numbers are the
rows that it saw. A session whose signature is forged, or whose time is over, must see no store's.</p>
<p class="legend">
% for outcome, meaning in MARKS.items():
<span class="${outcome}">${meaning}</span>
% endfor
</p>
% if matrix.problems:
<h2>Wrong</h2>
<table class="list"><tbody>
% for cell in matrix.problems:
<tr><td class="bad">${cell.outcome}</td><td>${cell.persona}</td><td><code>${cell.object}</code></td>
<td>saw ${cell.seen}, not ${"unknown" if cell.expected is None else cell.expected}</td></tr>
% endfor
</tbody></table>
% endif
% for title, kind, rows in grids:
<h2>${title}</h2>
<div class="grid"><table class="matrix">
<thead><tr><th scope="col" class="what">${kind}</th>
% for name in people:
<th scope="col"><span>${name}</span></th>
% endfor
</tr></thead>
<tbody>
% for name, cells in rows.items():
<tr><th scope="row"><code>${name}</code></th>
% for person in people:
<% cell = cells.get(person) %>\
% if cell is None or cell.outcome == "denied":
<td class="denied">·</td>
% else:
<td class="${cell.outcome}" title="${person}: ${MARKS[cell.outcome]}">${"✓" if kind == "function" else cell.seen}</td>
% endif
% endfor
</tr>
% endfor
</tbody></table></div>
% endfor
% if mutations:
<h2>Weakenings of a scratch copy</h2>
<p class="${'good' if all(one.caught for one in mutations) else 'bad'}">${sum(one.caught for one in mutations)} of ${len(mutations)} noticed</p>
<table class="list"><thead><tr><th>kind<th>object<th>noticed by</tr></thead><tbody>
% for one in mutations:
<tr><td>${one.kind}</td><td><code>${one.object}</code></td>
<td class="${'' if one.caught else 'bad'}">${", ".join(one.checks) or (f"{one.cells} cells" if one.caught else "nothing")}</td></tr>
% endfor
</tbody></table>
% endif
<footer>zava-sql ${version}</footer>
</html>
