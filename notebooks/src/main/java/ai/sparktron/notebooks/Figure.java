package ai.sparktron.notebooks;

/** Something a notebook can show. Immutable. */
public interface Figure {

    /** The figure as a piece of HTML that needs no script, style sheet or network: for {@code displayHTML} and the like. */
    String html();

    /** The figure as what a Zeppelin paragraph prints: a line with the display system's name, then the content. */
    default String zeppelin() {
        return "%html\n" + html();
    }
}
