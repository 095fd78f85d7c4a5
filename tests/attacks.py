"""What hostile people write into texts, tables and prose, and what a page holds of it."""

from html.parser import HTMLParser

ATTACKS = [
    "<script>alert(1)</script>",
    "<svg onload='alert(1)'/>",
    "<svg><script>alert(1)</script></svg>",
    "<img src=x onerror=alert(1)>",
    "<img src='http://evil.example/x.png'>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<a href='javascript:alert(1)'>x</a>",
    "<form action='http://evil.example'><input name=x></form>",
    "<meta http-equiv=refresh content='0;url=http://evil.example'>",
    "<base href='http://evil.example/'>",
    "<link rel=stylesheet href='http://evil.example/x.css'>",
    "<style>@import 'http://evil.example/x.css'; * { display: none }</style>",
    "<math><mtext></p><style><img src onerror=alert(1)></style></mtext></math>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<template><script>alert(1)</script></template>",
    "<table background='http://evil.example/x.png'><tr><td style='background:url(http://evil.example)'>y</table>",
    "</table></div></main><script>alert(1)</script>",
    "<details open ontoggle=alert(1)>x</details>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<td id=class class=mark onclick=alert(1) colspan=9999999>z</td>",
    "[x](javascript:alert(1))",
    "![x](http://evil.example/x.png)",
    "<http://evil.example>",
    "[x]: http://evil.example\n\n[x]",
    "# <img src=x onerror=alert(1)>",
    '```html"><script>alert(1)</script>\nx\n```',
    "`<script>alert(1)</script>`",
]


class Elements(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
