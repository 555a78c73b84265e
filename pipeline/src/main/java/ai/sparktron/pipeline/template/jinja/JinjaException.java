package ai.sparktron.pipeline.template.jinja;

/** A template that does not compile or a rendering that failed; says on which line of the template. */
public final class JinjaException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /** What went wrong. */
    public enum Kind {
        /** The template's text is malformed. */
        SYNTAX,
        /** A construct of Jinja that this engine does not have; refused when the template is compiled. */
        UNSUPPORTED,
        /** A variable or attribute that is not there was used. */
        UNDEFINED,
        /** An operation on values it does not take, or a wrong argument. */
        TYPE,
        /** A value outside its range, a division by zero, a malformed format string. */
        VALUE,
        /** The template changed its input, or reached for Python internals. */
        SECURITY,
        /** The template itself called {@code raise_exception}. */
        RAISED,
        /** Output, loop or recursion beyond {@link JinjaLimits}. */
        LIMIT
    }

    private final Kind kind;
    private final int line;

    JinjaException(Kind kind, String message) {
        this(kind, message, 0, null);
    }

    JinjaException(Kind kind, String message, int line, Throwable cause) {
        super(message, cause);
        this.kind = kind;
        this.line = line;
    }

    static JinjaException type(String message) {
        return new JinjaException(Kind.TYPE, message);
    }

    static JinjaException value(String message) {
        return new JinjaException(Kind.VALUE, message);
    }

    /** This fault with a line, unless it has one already. */
    JinjaException at(int where) {
        return line > 0 || where <= 0 ? this : new JinjaException(kind, super.getMessage(), where, this);
    }

    public Kind kind() {
        return kind;
    }

    /** Line of the template, from 1; 0 = unknown. */
    public int line() {
        return line;
    }

    /** The fault without its line; for {@link Kind#RAISED} exactly what the template said. */
    public String fault() {
        return super.getMessage();
    }

    @Override
    public String getMessage() {
        return line > 0 ? super.getMessage() + " (template line " + line + ")" : super.getMessage();
    }
}
