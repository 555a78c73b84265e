package ai.sparktron.pipeline.template.jinja;

import ai.sparktron.pipeline.template.jinja.JinjaException.Kind;
import java.time.LocalDateTime;
import java.util.Map;

/**
 * A compiled chat template with Python's semantics, set up as Hugging Face transformers sets up Jinja: {@code trim_blocks}, {@code lstrip_blocks},
 * loop controls, {@code {% generation %}}, {@code raise_exception}, {@code strftime_now}, {@code tojson} without HTML escapes, a sandbox that
 * changes nothing it is given. What Jinja has and this engine has not is refused when the template is compiled, never rendered wrongly.
 *
 * <p>Immutable and shared by threads; each rendering has its own state.
 */
public final class JinjaTemplate {

    private final Stmt body;
    private final JinjaLimits limits;

    private JinjaTemplate(Stmt body, JinjaLimits limits) {
        this.body = body;
        this.limits = limits;
    }

    /** @throws JinjaException if the template is malformed or uses what is not supported; says on which line */
    public static JinjaTemplate compile(String source) {
        return compile(source, JinjaLimits.DEFAULT);
    }

    /** @throws JinjaException if the template is malformed or uses what is not supported; says on which line */
    public static JinjaTemplate compile(String source, JinjaLimits limits) {
        try {
            return new JinjaTemplate(new StatementParser(new TokenStream(Lexer.tokens(source))).template(), limits);
        } catch (StackOverflowError e) {
            throw new JinjaException(Kind.LIMIT, "the template is nested too deeply", 0, e);
        }
    }

    /**
     * Renders the template.
     *
     * @param context variables: null, Boolean, Long, BigInteger, Double, String, List, Map with String keys; not changed
     * @param now     what {@code strftime_now} tells
     * @throws JinjaException if the template fails, raises, or exceeds its limits; nothing partial is returned
     */
    public Rendered render(Map<String, ?> context, LocalDateTime now) {
        Rendering rendering = run(context, now);
        if (rendering.hasMisplacedGeneration()) {
            throw new JinjaException(Kind.UNSUPPORTED, "'{% generation %}' inside a macro, call, set or filter block: its place in the text is"
                    + " unknown; put it around the whole assistant turn");
        }
        return new Rendered(rendering.text(), rendering.generated());
    }

    /** The text alone, also where generation blocks stand inside macros. */
    public String text(Map<String, ?> context, LocalDateTime now) {
        return run(context, now).text();
    }

    private Rendering run(Map<String, ?> context, LocalDateTime now) {
        Rendering rendering = new Rendering(context, limits, now);
        Sink sink = new Sink(rendering, true);
        try {
            body.run(new Scope(rendering), sink);
        } catch (StackOverflowError e) {
            throw new JinjaException(Kind.LIMIT, "the template's expressions or macros are nested too deeply", 0, e);
        } catch (ArithmeticException | IllegalArgumentException | IndexOutOfBoundsException e) {
            throw new JinjaException(Kind.VALUE, "a value of the template is out of range: " + e.getMessage(), 0, e);
        }
        rendering.finish(sink.text());
        return rendering;
    }
}
