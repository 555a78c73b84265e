package ai.sparktron.notebooks;

import ai.sparktron.pipeline.tokenize.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A sample as the trainer sees it: its text with every token marked, those that are trained in colour. Line breaks are shown and kept.
 *
 * @param title  said over the sample
 * @param pieces the text in order
 */
public record TokenPicture(String title, List<Piece> pieces) implements Figure {

    private static final char UNFINISHED = '\uFFFD';
    /** Tokens that may share one character; four bytes make the longest. */
    private static final int SHARED_BY = 4;

    /**
     * A token, or the few tokens that make one character together.
     *
     * @param text   as the tokenizer spells it
     * @param ids    of the tokens
     * @param weight loss weight; 0 = read but not trained
     */
    public record Piece(String text, List<Integer> ids, float weight) {
        public Piece {
            ids = List.copyOf(ids);
        }
    }

    public TokenPicture {
        pieces = List.copyOf(pieces);
    }

    /**
     * The picture of one document.
     *
     * @param ids     its tokens, [T]
     * @param weights loss weight of each token, [T]; 0 where it is not trained
     */
    public static TokenPicture of(String title, int[] ids, float[] weights, Tokenizer tokenizer) {
        if (ids.length != weights.length) {
            throw new IllegalArgumentException(ids.length + " ids and " + weights.length + " weights; expected as many of each");
        }
        List<Piece> pieces = new ArrayList<>();
        for (int from = 0; from < ids.length;) {
            int to = end(ids, weights, from, tokenizer);
            int[] part = Arrays.copyOfRange(ids, from, to);
            pieces.add(new Piece(tokenizer.decode(part, false), Arrays.stream(part).boxed().toList(), weights[from]));
            from = to;
        }
        return new TokenPicture(title, pieces);
    }

    /** Where the piece that begins at {@code from} ends: behind the first token that completes its characters, or behind one token if none does. */
    private static int end(int[] ids, float[] weights, int from, Tokenizer tokenizer) {
        for (int to = from + 1; to <= Math.min(ids.length, from + SHARED_BY) && weights[to - 1] == weights[from]; to++) {
            if (tokenizer.decode(Arrays.copyOfRange(ids, from, to), false).indexOf(UNFINISHED) < 0) {
                return to;
            }
        }
        return from + 1;
    }

    /** Tokens in the picture. */
    public int tokens() {
        return pieces.stream().mapToInt(piece -> piece.ids().size()).sum();
    }

    /** Tokens that are trained. */
    public int trainedTokens() {
        return pieces.stream().filter(piece -> piece.weight() != 0).mapToInt(piece -> piece.ids().size()).sum();
    }

    @Override
    public String html() {
        StringBuilder html = new StringBuilder("<div style=\"font:13px sans-serif\"><b>").append(Html.escape(title)).append("</b> ")
                .append(tokens()).append(" tokens, ").append(trainedTokens()).append(" <span style=\"background:#b7e4c7\">trained</span></div>")
                .append("<div style=\"font:13px monospace;white-space:pre-wrap;line-height:1.7;border:1px solid #ccc;padding:8px\">");
        pieces.forEach(piece -> append(html, piece));
        return html.append("</div>").toString();
    }

    private static void append(StringBuilder html, Piece piece) {
        String ids = String.join(" ", piece.ids().stream().map(String::valueOf).toList());
        boolean trained = piece.weight() != 0;
        html.append("<span title=\"").append(ids).append(trained && piece.weight() != 1 ? ", weight " + piece.weight() : "")
                .append("\" style=\"border-right:1px solid #bbb;").append(trained ? "background:#b7e4c7" : "color:#777").append("\">")
                // A line break would leave its token without a visible place.
                .append(Html.escape(piece.text()).replace("\r", "&#8629;").replace("\n", "&#8629;\n")).append("</span>");
    }
}
