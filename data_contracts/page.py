"""One contract as a page of its own: what is expected and why, what was found, the first rows that break it."""

from jinja2 import Environment, StrictUndefined

from data_contracts.contract import ContractResult
from data_contracts.wording import got

SHOWN_ROWS = 100  # of one expectation
TITLES = (("Critical: without these the data may not go on", "critical"), ("Warnings: worth a look", "warning"))

TEMPLATE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>contract {{ result.table }}</title>
<style>
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5b6675; --line: #d5dbe3; --ground: #fbfcfd;
  --ok: #00785a; --broken: #b04a00; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8edf3; --soft: #9aa7b6; --line: #313a46; --ground: #12161c; --ok: #4cc9a0; --broken: #f0a05a; }
}
body { margin: 0 auto; max-width: 62rem; padding: 1.5rem 1rem 4rem; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0; }
h2 { font-size: 1.1rem; margin: 2rem 0 .25rem; }
ul { list-style: none; margin: 0; padding: 0; }
li { border-top: 1px solid var(--line); padding: .5rem 0 .5rem 1.6rem; position: relative; }
li::before { content: "✔"; color: var(--ok); position: absolute; left: 0; }
li.fails::before { content: "✘"; }
li.fails::before, .got, .broken { color: var(--broken); font-weight: 600; }
.ok, .warning { color: var(--ok); font-weight: 600; }
.soft { color: var(--soft); font-size: .875rem; margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .8125rem; margin-top: .5rem; }
td, th { text-align: left; padding: .125rem 1rem .125rem 0; vertical-align: top; }
td { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
a { color: inherit; }
</style>
<h1>{{ result.table }}: <span class="{{ result.verdict }}">{{ headline }}</span></h1>
<p>{{ result.rows }} rows. <a href="docs/{{ result.table }}/index.html">The same in Great Expectations' Data Docs</a>
(which fetch their styles from the network); as data: <a href="{{ result.table }}.json">{{ result.table }}.json</a>.</p>
{% for title, severity in titles %}
<h2>{{ title }}</h2>
<ul>
{% for finding in result.findings | selectattr("severity", "equalto", severity) | sort(attribute="success") %}
<li{% if not finding.success %} class="fails"{% endif %}>{{ finding.sentence }}
{%- if not finding.success %} <span class="got">· got {{ got(finding) }}</span>{% endif %}
<p class="soft">{{ finding.reason }}</p>
{% if finding.failing %}
<details><summary class="soft">which: the first {{ [shown, finding.unexpected_count] | min }} of
{{ finding.unexpected_count }}</summary>
<div class="wide"><table>
<tr><th>{{ finding.noun }}</th><th>got</th><th>where</th></tr>
{% for row in finding.failing[:shown] %}
<tr><td>{{ row.id }}</td><td>{{ "null" if row.value is none else row.value }}</td><td>{{ row.where or "" }}</td></tr>
{% endfor %}
</table></div></details>
{% endif %}
</li>
{% endfor %}
</ul>
{% endfor %}
<h2>Files this vouches for</h2>
<div class="wide"><table>
{% for name, sha256 in result.files.items() %}
<tr><td>{{ name }}</td><td>{{ sha256 }}</td></tr>
{% endfor %}
</table></div>
</html>
"""


def contract_page(result: ContractResult) -> str:
    """The page as HTML that needs nothing beside it, in light and dark."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(TEMPLATE).render(
        result=result, headline=_headline(result), titles=TITLES, got=got, shown=SHOWN_ROWS
    )


def _headline(result: ContractResult) -> str:
    if result.broken:
        return f"broken, {len(result.broken)} of {len(result.findings)} expectations"
    return "holds" if not result.warnings else f"holds, with {len(result.warnings)} to look at"
