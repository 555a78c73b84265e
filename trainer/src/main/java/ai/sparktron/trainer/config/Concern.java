package ai.sparktron.trainer.config;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** A record of options: its heading in the help and the commands that take it. */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
public @interface Concern {

    /** Heading in the help. */
    String title();

    /** Commands whose command line takes these options. */
    Command[] commands();
}
