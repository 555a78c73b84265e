package ai.sparktron.pipeline.tokenize;

import java.util.List;
import java.util.Random;

/** Short texts made of what tokenizers get wrong: odd white space, contractions, combining marks, scripts, markup and pieces of markup. */
final class AdversarialText {
    private static final String[] PIECES = {
        "'s", "'S", "'t", "'re", "'RE", "'vE", "'m", "'ll", "'lL", "'d", "'\u017F", "\u2019s", "'", "''", "'x", "'l", "'r", "\u017F", "\u212A",
        " ", "  ", "   ", "\t", "\n", "\r", "\r\n", "\n\n", " \n", "\n ", "\u0085", "\u00A0", "\u1680", "\u2003", "\u2028", "\u2029", "\u202F",
        "\u205F", "\u3000", "\u000B", "\u000C", "\u001C", "\u180E", "\u200B", "\u200D", "\uFEFF", "\u0000", "\u0007", "\u007F", "\u009F",
        "a", "B", "hello", "World", " the", "ing", "\u00E9", "e\u0301", "\u0301", "\u0300\u0316", "\u0344", "\u0958", "\u1E9B\u0323", "\u212B",
        "\u2126", "\u00C5", "A\u030A", "\u1100\u1161\u11A8", "\uAC00", "\uAC00\u11A8", "\u0E01\u0E33", "\u0915\u094D\u0937", "\u0627\u064B",
        "\u0344\u0345", "\uFB01", "\u2460", "\u00BD", "\u00B2", "\u2167", "\u3007", "\u3021", "0", "1", "12", "123", "1234", "\u0663", "\u09E9",
        "\uFF11", "\uD835\uDFCE", "\u4E2D", "\u4E2D\u6587", "\u4F60\u597D\u4E16\u754C", "\u9FA5", "\u9FA6", "\u3400", "\uD840\uDC00", "\u3042",
        "\u30A2", "\u30FC", "\u3099", "\u309B", "\u31F0", "\uD55C\uAD6D\uC5B4", "\u0420\u0443", "\u05E9\u05C1", "\uD83D\uDE00",
        "\uD83D\uDC68\u200D\uD83D\uDC69\u200D\uD83D\uDC67", "\uD83C\uDDE9\uD83C\uDDEA", "\u2764\uFE0F", "!", "!!", "?", ".", ",", "...", "#", "$",
        "%", "&", "(", ")", "*", "+", "-", "/", ":", ";", "<", "=", ">", "@", "[", "\\", "]", "^", "_", "`", "{", "|", "}", "~", "\u2014", "\u00AB",
        "\u3002", "\uFF0C", "\uFF01", "\u20AC", "\u00A9", "\u00AD", "\u061C", "\uE000", "\uFFFD", "\uFFFF", "\uDBFF\uDFFF", "\uD81A\uDD40",
        "\uD804\uDD71", "\uD804\uDFC2\uD804\uDFC2", "\uD81A\uDD63\uD81A\uDD67", "\u0870", "\u1C89", "\uA7CB", "\uD803\uDD50", "<|", "|>",
        "<|im_", "im_end|>", "<think", "</", "<\uFF5C", "\u2581", "\uFF5C>", "{{NAME}}", "foo()", "if (a) {\n\t\treturn;\n}", "http://a.b/c?d=e",
        "3.14", "1,000", "\u0120", "\u010A", "\u00C3\u00A9"};

    private final Random random;
    private final List<String> markup;

    AdversarialText(long seed, Tokenizer tokenizer) {
        random = new Random(seed);
        markup = tokenizer.addedTokens().stream().map(AddedToken::content).limit(60).toList();
    }

    String next() {
        StringBuilder text = new StringBuilder();
        int pieces = 1 + random.nextInt(random.nextInt(8) == 0 ? 60 : 14);
        for (int i = 0; i < pieces; i++) {
            int kind = random.nextInt(100);
            if (kind < 70) {
                text.append(PIECES[random.nextInt(PIECES.length)]);
            } else if (kind < 76 && !markup.isEmpty()) {
                text.append(markup.get(random.nextInt(markup.size())));
            } else if (kind < 84) {
                text.append(PIECES[random.nextInt(PIECES.length)].repeat(1 + random.nextInt(random.nextInt(40) == 0 ? 300 : 6)));
            } else if (kind < 92) {
                text.append((char) (32 + random.nextInt(95)));
            } else {
                text.appendCodePoint(codePoint(kind < 97 ? 0x10000 : 0x110000));
            }
        }
        return text.toString();
    }

    private int codePoint(int limit) {
        int codePoint = random.nextInt(limit);
        return codePoint >= 0xD800 && codePoint <= 0xDFFF ? codePoint - 0xD800 + 0x4E00 : codePoint;
    }
}
