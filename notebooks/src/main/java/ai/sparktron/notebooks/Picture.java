package ai.sparktron.notebooks;

/** Pieces of SVG pictures. Coordinates are pixels from the upper left corner; all text is escaped here. */
final class Picture {

    static final String BLUE = "#1f77b4";
    static final String PALE_BLUE = "#9ecae1";
    static final String ORANGE = "#d65e14";
    static final String CLOSE = "</svg>";

    private Picture() {
    }

    /** The beginning of a picture with its title over it. */
    static String open(int width, int height, String title) {
        return "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + width + "\" height=\"" + height + "\" viewBox=\"0 0 " + width + " " + height
                + "\" font-family=\"sans-serif\" font-size=\"11\" style=\"background:#fff\">"
                + "<text x=\"" + Html.pixels(width / 2.0) + "\" y=\"16\" text-anchor=\"middle\" font-size=\"14\">" + Html.escape(title) + "</text>";
    }

    /** A word or number; {@code anchor} is start, middle or end. */
    static String text(double x, double y, String anchor, String text) {
        return "<text x=\"" + Html.pixels(x) + "\" y=\"" + Html.pixels(y) + "\" text-anchor=\"" + anchor + "\" fill=\"#444\">" + Html.escape(text) + "</text>";
    }

    static String line(double x1, double y1, double x2, double y2) {
        return "<line x1=\"" + Html.pixels(x1) + "\" y1=\"" + Html.pixels(y1) + "\" x2=\"" + Html.pixels(x2) + "\" y2=\"" + Html.pixels(y2) + "\" stroke=\"#999\"/>";
    }

    /** A filled box that says {@code hint} when the mouse is over it. */
    static String box(double x, double y, double width, double height, String colour, String hint) {
        return "<rect x=\"" + Html.pixels(x) + "\" y=\"" + Html.pixels(y) + "\" width=\"" + Html.pixels(width) + "\" height=\"" + Html.pixels(height)
                + "\" fill=\"" + colour + "\"><title>" + Html.escape(hint) + "</title></rect>";
    }
}
