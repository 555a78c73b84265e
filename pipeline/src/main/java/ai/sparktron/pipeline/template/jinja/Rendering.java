package ai.sparktron.pipeline.template.jinja;

import ai.sparktron.pipeline.template.jinja.JinjaException.Kind;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The state of one rendering: what it may see, what it has used, what stood in generation blocks. Belongs to one thread. */
final class Rendering {

    private final Map<String, ?> context;
    private final Map<String, Object> globals;
    private final JinjaLimits limits;
    private final LocalDateTime now;
    private final List<Rendered.Span> generated = new ArrayList<>();
    private long writtenChars;
    private long steps;
    private int depth;
    private String text;
    private boolean misplaced;

    Rendering(Map<String, ?> context, JinjaLimits limits, LocalDateTime now) {
        this.context = context;
        this.limits = limits;
        this.now = now;
        this.globals = Globals.of(this);
    }

    LocalDateTime now() {
        return now;
    }

    List<Rendered.Span> generated() {
        return generated;
    }

    /** Notes a generation block inside a macro or captured block, whose place in the text is unknown. */
    void generatedOutOfPlace() {
        misplaced = true;
    }

    /** Whether {@link #generated} leaves out a generation block. */
    boolean hasMisplacedGeneration() {
        return misplaced;
    }

    void finish(String rendered) {
        text = rendered;
    }

    /** The rendered text, once finished. */
    String text() {
        return text;
    }

    Object global(String name) {
        Object value = context.get(name);
        if (value != null || context.containsKey(name)) {
            return value;
        }
        value = globals.get(name);
        return value != null ? value : new Undefined("'" + name + "' is undefined");
    }

    void wrote(long chars) {
        writtenChars += chars;
        if (writtenChars > limits.outputChars()) {
            throw new JinjaException(Kind.LIMIT, "the template wrote more than " + limits.outputChars() + " characters");
        }
    }

    void step() {
        if (++steps > limits.loopSteps()) {
            throw new JinjaException(Kind.LIMIT, "the template's loops ran more than " + limits.loopSteps() + " times");
        }
    }

    void enter() {
        if (++depth > limits.depth()) {
            throw new JinjaException(Kind.LIMIT, "macros and recursive loops are nested deeper than " + limits.depth());
        }
    }

    void leave() {
        depth--;
    }
}
