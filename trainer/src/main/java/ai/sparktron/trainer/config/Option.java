package ai.sparktron.trainer.config;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * One option of the command line, on the record component that receives it.
 *
 * <p>The option is named after the component in snake case: {@code microBatchSize} is {@code --micro_batch_size}.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
public @interface Option {

    /** The name, where the component cannot carry it (a Java keyword); else empty. */
    String name() default "";

    /** The default as text, parsed like a user's value; empty means absent, or the empty list. */
    String value() default "";

    /** The default under {@code rlhf}, where it differs. */
    String rlhfValue() default "";

    /** What the option does, in one or two sentences. */
    String doc();

    /** Later or other spellings with the same meaning. */
    String[] alias() default {};

    /** The spellings with the opposite meaning: {@code rope_fusion} of {@code no_rope_fusion}. Only for booleans. */
    String[] inverse() default {};

    /** Whether the option works. */
    Status status() default Status.BUILT;

    /** Values of a built option that are known but not built yet. */
    String[] planned() default {};

    /** Why the status is what it is, or why the default differs from Megatron-SWIFT's. */
    String note() default "";

    /** The range of a number as an interval: {@code [1,)}, {@code (0,1]}; empty for any. */
    String range() default "";

    /** The values that a text, or each element of a list, may take; empty for any. */
    String[] of() default {};

    /** How a text is written: {@code object} or {@code any} for JSON of that kind, {@code bytes} for {@code 5GB}; empty for plain text. */
    String syntax() default "";

    /** May be given without its name, as the first word after the command. */
    boolean positional() default false;

    /** Hidden in printouts and {@code args.json}. */
    boolean secret() default false;
}
