/**
 * Chat templates in Jinja. Start at {@link ai.sparktron.pipeline.template.jinja.JinjaTemplate}: compile once, render from any thread.
 * {@link ai.sparktron.pipeline.template.jinja.PythonJson} writes JSON as {@code tojson} does. A {@code Lexer} makes tokens, the parsers make
 * closures ({@code Expr}, {@code Stmt}) over a {@code Scope}, and the {@code Python...} classes hold Python's idea of values.
 *
 * <p>May import nothing but the JDK.
 */
package ai.sparktron.pipeline.template.jinja;
