package ai.sparktron.pipeline.template.jinja;

/** Where a block writes: the rendered text itself, or a captured part of it. */
final class Sink {

    private final StringBuilder text = new StringBuilder();
    private final Rendering rendering;
    private final boolean root;

    Sink(Rendering rendering, boolean root) {
        this.rendering = rendering;
        this.root = root;
    }

    void write(String part) {
        rendering.wrote(part.length());
        text.append(part);
    }

    /** Whether positions here are positions of the rendered text. */
    boolean isRoot() {
        return root;
    }

    int length() {
        return text.length();
    }

    String text() {
        return text.toString();
    }
}
