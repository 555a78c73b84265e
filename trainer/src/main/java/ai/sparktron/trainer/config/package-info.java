/**
 * Options: one record per concern, the parser, the checks, the help, and {@code args.json}.
 *
 * <p>Start at {@link ai.sparktron.trainer.config.Options}, the record that holds one record per concern. Every option is a
 * record component with an {@link ai.sparktron.trainer.config.Option} annotation that carries its default, its other
 * spellings, its documentation and whether it is built; parser, help, printout and {@code args.json} read nothing else.
 *
 * <p>This package imports nothing else of the project.
 */
package ai.sparktron.trainer.config;
