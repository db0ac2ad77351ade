"""Text on which tokenizers differ: scripts, numbers, spaces, line ends, contractions, code and special tokens."""

CORPUS = (
    "Hello, world! It's what they've said: I'll, you'd, DON'T, we're.",
    "1 12 123 1234 12345 1,234.56e-7 0x1F ½ ² Ⅻ ١٢٣ ४५",
    "  leading\t\ttabs  and   runs    of     spaces \n\n\n lines \r\n\r\n end ",
    "\u00a0no-break\u2003em\u200bzero\u3000wide\ufeff",
    "naïve café Ångström Straße İstanbul ŁÓDŹ œuvre",
    "漢字かな交じり文、한국어 텍스트。 ประเทศไทย नमस्ते दुनिया",
    "مرحبا بالعالم שלום עולם Привет, мир! Γειά σου Κόσμε",
    "🤗 👩‍👩‍👧 🇩🇪 ❤️ ☃ ∑∫√∞ → ⇒ …—–“”‘’",
    "def f(x: int) -> str:\n    return f'{x ** 2:>8}'  # ok\n\tif x != 3 and not y: pass\n",
    '{"topic":"account","urgency":"high","list":[1,2.5,null],"path":"C:\\\\tmp"}',
    "<html><body class='a'>&nbsp;</body></html> https://example.org/?q=a+b&c=%20#x",
    "SELECT * FROM t WHERE a<=3 && b||c; /* x */ ... !!! ??? ---- ==== ____ ~~~~",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "\n",
    " ",
    "x",
)
