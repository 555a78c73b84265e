package ai.sparktron.pipeline.template.jinja;

import ai.sparktron.pipeline.template.jinja.JinjaException.Kind;

/**
 * What a missing variable or attribute evaluates to: prints as nothing, is false, empty to loops, equal to any other undefined; everything else
 * done with it is an error.
 */
final class Undefined {

    private final Kind kind;
    private final String reason;

    Undefined(String reason) {
        this(Kind.UNDEFINED, reason);
    }

    Undefined(Kind kind, String reason) {
        this.kind = kind;
        this.reason = reason;
    }

    /** The error of using this value. */
    JinjaException used() {
        return new JinjaException(kind, reason);
    }
}
