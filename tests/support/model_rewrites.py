"""Rewrites in the manner of large models, written by hand, and single changes to them that make them wrong."""

# ruff: noqa: E501 (a text stands as it is)

PAIRS: list[tuple[str, str]] = [
    (
        r"""How do I solve x^2 - 5x + 6 = 0? Posted by mike on Jan 3, 2014. 12 views
You can factor it. Find two numbers whose product is 6 and whose sum is 5: 2 and 3. So (x-2)(x-3) = 0 and the solutions are x=2 and x=3.
Check: 2^2 - 5*2 + 6 = 4 - 10 + 6 = 0.""",
        r"""## Solving a Quadratic Equation by Factoring

**Problem:** Solve $x^2 - 5x + 6 = 0$.

**Solution:**

To factor the quadratic, find two numbers whose product is 6 and whose sum is 5. These numbers are 2 and 3. Therefore,
$$(x - 2)(x - 3) = 0,$$
so the solutions are $x = 2$ and $x = 3$.

**Check:** Substituting $x = 2$ gives
$$2^2 - 5 \cdot 2 + 6 = 4 - 10 + 6 = 0.$$""",
    ),
    (
        r"""The derivative of $f(x)=\sin(x^2)$ is computed with the chain rule. Let $u = x^2$; then $f'(x) = \cos(u)\cdot u' = 2x\cos(x^2)$. At $x=0$ this is $0$. The car travels 60 km/h for 2.5 hours, so the distance is $d = 60 \times 2.5 = 150$ km.""",
        r"""**Chain rule example.** Consider the function $f(x) = \sin\left(x^{2}\right)$. To differentiate it, apply the chain rule with the substitution $u = x^2$:

\begin{align*}
f'(x) &= \cos(u) \cdot u' \\
      &= 2x \cos\left(x^2\right).
\end{align*}

In particular, $f'(x) = 0$ at $x = 0$.

**Distance example.** A car moving at 60 km/h for 2.5 hours covers a distance of
\[ d = 60 \cdot 2.5 = 150 \text{ km}. \]""",
    ),
    (
        r"""Theorem 3.2 Let $G$ be a finite group and $H$ a subgroup. Then $|H|$ divides $|G|$. Proof. The left cosets $gH$ partition $G$, and each has $|H|$ elements. If there are $k$ cosets then $|G| = k|H|$. QED
Corollary 3.3 If $|G| = p$ is prime, $G$ is cyclic.""",
        r"""### Theorem 3.2

Let $G$ be a finite group with a subgroup $H$. Then the order $|H|$ divides the order $|G|$.

**Proof.** The left cosets $gH$ form a partition of $G$, and every coset contains exactly $|H|$ elements. Hence, if the number of cosets is $k$, we obtain $|G| = k \cdot |H|$. $\blacksquare$

### Corollary 3.3

If the order of $G$ is a prime number, $|G| = p$, then $G$ is cyclic.""",
    ),
    (
        r"""Example 1. A bag has 3 red balls, 5 blue balls and 2 green balls. What is the probability of drawing a blue ball?
(A) 1/2 (B) 3/10 (C) 1/5 (D) 3/5
Answer: There are 3+5+2 = 10 balls. P(blue) = 5/10 = 1/2. So the answer is (A).""",
        r"""**Example 1.** A bag contains three red balls, five blue balls, and two green balls. What is the probability of drawing a blue ball?

- (A) $\frac{1}{2}$
- (B) $\frac{3}{10}$
- (C) $\frac{1}{5}$
- (D) $\frac{3}{5}$

**Solution.** The total number of balls is $3 + 5 + 2 = 10$. Therefore
$$P(\text{blue}) = \frac{5}{10} = \frac{1}{2}.$$

The correct answer is **(A)**.""",
    ),
    (
        r"""We know that the sum of the first n natural numbers is n(n+1)/2. For n=100 this gives 5050. The population was 1,250,000 in 1990 and grew by 3% per year. About 25% of people live in 4 large cities. The temperature fell to -5 degrees.""",
        r"""The sum of the first $n$ natural numbers is given by
$$\frac{n(n+1)}{2}.$$
For instance, when $n = 100$, the sum equals $5050$.

In 1990 the population was $1{,}250{,}000$, and it grew at a rate of 3 percent per year. Approximately 25 percent of the people live in four large cities. The temperature dropped to $-5$ degrees.""",
    ),
    (
        r"""Let $a_n = \frac{1}{n}$. Since $\lim_{n\to\infty} a_n = 0$, the sequence converges. We have $0 < a_{n+1} < a_n \leq 1$ for all $n \ge 1$. Also $\sum_{n=1}^\infty a_n$ diverges, but $\sum_{n=1}^\infty \frac{(-1)^{n+1}}{n} = \ln 2$.""",
        r"""Consider the sequence $a_n = 1/n$.

* **Convergence:** the sequence converges because $\lim\limits_{n \to \infty} a_n = 0$.
* **Monotonicity:** for every $n \geq 1$, we have $0 < a_{n+1} < a_n \le 1$.
* **Series:** the series $\displaystyle\sum_{n=1}^{\infty} a_n$ diverges, whereas
$$\sum_{n=1}^{\infty} \frac{(-1)^{n+1}}{n} = \ln(2).$$""",
    ),
    (
        r"""Suppose $x>0$ and $y>0$. By AM-GM, $$\frac{x+y}{2} \geq \sqrt{xy},$$ with equality iff $x=y$. Taking $x = 4, y = 9$: $6.5 \geq 6$.""",
        r"""Let $x, y > 0$. The AM–GM inequality states that
\[
\sqrt{xy} \le \frac{x + y}{2},
\]
with equality if and only if $x = y$. For example, with $x = 4$ and $y = 9$ we get $6 \leq 6.5$.""",
    ),
    (
        r"""The area of a circle with radius 5 cm is $A = \pi r^2 = 25\pi \approx 78.54\ \mathrm{cm}^2$. The volume of the sphere is $V = \frac43\pi r^3$. First, second and 3rd place got 10, 7 and 5 points.""",
        r"""A circle of radius $5\text{ cm}$ has area
$$A = \pi r^{2} = 25 \pi \approx 78.54 \text{ cm}^2.$$
The sphere's volume is $V = \frac{4}{3} \pi r^3$. The first, second and third places received 10, 7, and 5 points, respectively.""",
    ),
    (
        r"""Solve the system: 2x + y = 7, x - 2y = 6. From the first, y = 7 - 2x. Substituting: x - 2(7 - 2x) = 6, 5x = 20, x = 4. Then y = -1.""",
        r"""**Problem.** Solve the system of equations
$$\begin{cases} 2x + y = 7 \\ x - 2y = 6 \end{cases}$$

**Step 1: Express $y$.** From the first equation, $y = 7 - 2x$.

**Step 2: Substitute.** Substituting into the second equation gives
\begin{aligned}
x - 2(7 - 2x) &= 6 \\
5x &= 20 \\
x &= 4.
\end{aligned}

**Step 3: Find $y$.** Then $y = -1$.

**Answer:** $x = 4$, $y = -1$.""",
    ),
    (
        r"""Recall $e^{i\theta}=\cos\theta+i\sin\theta$. Hence $\cos\theta=\frac{e^{i\theta}+e^{-i\theta}}{2}$ and $\sin\theta=\frac{e^{i\theta}-e^{-i\theta}}{2i}$. For $A\subset\mathbb R^n$ open and $f:A\to\mathbb R$ we write $\nabla f=(\partial_1 f,\dots,\partial_n f)$.""",
        r"""Euler's formula states $e^{i \theta} = \cos \theta + i \sin \theta$. From it one obtains
$$\cos \theta = \frac{e^{i\theta} + e^{-i\theta}}{2}, \qquad \sin \theta = \frac{e^{i\theta} - e^{-i\theta}}{2i}.$$
If $A \subset \mathbb{R}^n$ is open and $f \colon A \to \mathbb{R}$ is a function, its gradient is denoted by $\nabla f = (\partial_1 f, \ldots, \partial_n f)$.""",
    ),
    (
        r"""In a class there are 24 students. Half of them play football and one third play chess. How many play football? Answer: 12. The ratio of boys to girls is 3:5. It took 2 hours and 30 minutes, at 3.50 dollars per hour. See page 14.""",
        r"""A class has 24 students; half of them play football, and a third of them play chess.

**Question:** How many students play football?

**Answer:** 12.

The ratio of boys to girls is $3:5$. It lasted 2 hours 30 minutes at \$3.50 per hour (see page 14).""",
    ),
    (
        r"""Let $f(x) = x^3 - 3x$. Then f'(x) = 3x^2 - 3 = 3(x-1)(x+1), so the critical points are x = 1 and x = -1. f''(x) = 6x; f''(1) = 6 > 0, so x=1 is a minimum with f(1) = -2. f''(-1) = -6 < 0, so x=-1 is a maximum with f(-1)=2.""",
        r"""Let $f(x) = x^3 - 3x$.

1. **Critical points.** The derivative is $$f'(x) = 3x^2 - 3 = 3(x - 1)(x + 1),$$ so the critical points are $x = 1$ and $x = -1$.
2. **Classification.** The second derivative is $f''(x) = 6x$.
   - At $x = 1$: $f''(1) = 6 > 0$, which gives a minimum with value $f(1) = -2$.
   - At $x = -1$: $f''(-1) = -6 < 0$, which gives a maximum with value $f(-1) = 2$.""",
    ),
    (
        r"""Prove that $\sqrt{2}$ is irrational. Assume $\sqrt{2}=p/q$, where $\gcd(p,q)=1$. Then $p^2=2q^2$, so $p$ is even, $p=2m$. Then $4m^2=2q^2$, $q^2=2m^2$, so $q$ is even: contradiction.""",
        r"""**Claim.** $\sqrt{2}$ is irrational.

**Proof.** Suppose, for contradiction, that $\sqrt 2 = \frac{p}{q}$ with $\gcd(p, q) = 1$. Squaring yields $p^2 = 2q^2$, so $p$ must be even; write $p = 2m$. Substituting, $4m^2 = 2q^2$, that is, $q^2 = 2m^2$. Hence $q$ is even as well, which contradicts $\gcd(p,q) = 1$. $\square$""",
    ),
    (
        r"""Integers modulo 7: 3 * 5 = 15 = 1 mod 7, so the inverse of 3 is 5. 2^10 = 1024, 1024 = 146*7 + 2, so 2^10 = 2 mod 7.""",
        r"""In the integers modulo 7 we have $3 \times 5 = 15 \equiv 1 \pmod 7$, so $5$ is the inverse of $3$. Moreover, $2^{10} = 1024$ and $1024 = 146 \cdot 7 + 2$, hence $2^{10} \equiv 2 \pmod{7}$.""",
    ),
    (
        r"""Matrix $A=\left[\begin{array}{cc}1&2\\3&4\end{array}\right]$ has $\det A = 1\cdot4-2\cdot3=-2$. Its inverse is $A^{-1}=-\frac12\begin{bmatrix}4&-2\\-3&1\end{bmatrix}$.""",
        r"""The matrix
$$A = \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}$$
has determinant
$$\det(A) = 1 \cdot 4 - 2 \cdot 3 = -2,$$
and therefore its inverse is
$$A^{-1} = -\frac{1}{2} \begin{pmatrix} 4 & -2 \\ -3 & 1 \end{pmatrix}.$$""",
    ),
    (
        r"""The quadratic formula: if ax² + bx + c = 0 then x = (-b ± √(b² - 4ac)) / (2a). Ex: 2x² + 3x - 2 = 0 → x = (-3 ± √25)/4 → x = ½ or x = -2.""",
        r"""**Quadratic formula.** If $ax^2 + bx + c = 0$, then
$$x = \frac{-b \pm \sqrt{b^2 - 4ac}}{2a}.$$

**Example.** For $2x^2 + 3x - 2 = 0$ this gives $x = \frac{-3 \pm \sqrt{25}}{4}$, so $x = \frac{1}{2}$ or $x = -2$.""",
    ),
]

# (number of the pair, what stands in its rewrite, what makes it wrong)
CHANGES: list[tuple[int, str, str]] = [
    (0, "sum is 5", "sum is 4"),
    (0, "4 - 10 + 6", "4 - 12 + 6"),
    (0, "x = 3$", "x = -3$"),
    (0, "These numbers are 2 and 3", "These numbers are 1 and 3"),
    (1, "2x \\cos", "x \\cos"),
    (1, "60 km/h", "65 km/h"),
    (1, "u = x^2", "u = x"),
    (1, "150 \\text", "160 \\text"),
    (2, "$|H|$ divides the order $|G|$", "$|G|$ divides the order $|H|$"),
    (2, "k \\cdot |H|", "k + |H|"),
    (2, "left cosets $gH$", "left cosets $Hg$"),
    (3, "three red", "four red"),
    (3, "\\frac{3}{10}", "\\frac{3}{11}"),
    (3, "= 10$", "= 11$"),
    (3, "**(A)**", "**(B)**"),
    (4, "n = 100", "n = 1000"),
    (4, "5050", "5500"),
    (4, "1{,}250{,}000", "1{,}250{,}00"),
    (4, "3 percent", "13 percent"),
    (4, "four large", "five large"),
    (4, "$-5$ degrees", "$5$ degrees"),
    (5, "a_{n+1} < a_n", "a_{n+1} > a_n"),
    (5, "\\ln(2)", "\\ln(3)"),
    (5, "(-1)^{n+1}", "(-1)^{n}"),
    (5, "n=1}^{\\infty} a_n", "n=0}^{\\infty} a_n"),
    (6, "\\le \\frac", "\\ge \\frac"),
    (6, "6 \\leq 6.5", "6 \\geq 6.5"),
    (6, "y = 9", "y = 8"),
    (7, "25 \\pi", "5 \\pi"),
    (7, "78.54", "78.45"),
    (7, "r^3", "r^2"),
    (7, "7, and 5", "7, and 6"),
    (8, "x - 2y = 6", "x + 2y = 6"),
    (8, "5x &= 20", "5x &= 25"),
    (8, "Then $y = -1$", "Then $y = 1$"),
    (9, "- e^{-i\\theta}}{2i}", "+ e^{-i\\theta}}{2i}"),
    (9, "{2i}", "{2}"),
    (9, "\\partial_n f)", "\\partial_m f)"),
    (10, "24 students", "34 students"),
    (10, "3:5", "5:3"),
    (10, "30 minutes", "20 minutes"),
    (10, "3.50", "2.50"),
    (10, "page 14", "page 41"),
    (10, "a third", "a quarter"),
    (11, "= -2$", "= 2$"),
    (11, "< 0", "> 0"),
    (11, "3(x - 1)(x + 1)", "3(x - 1)(x - 1)"),
    (11, "6x$", "6x^2$"),
    (11, "minimum", "maximum"),
    (12, "p^2 = 2q^2", "p^2 = q^2"),
    (12, "p = 2m", "p = 2m + 1"),
    (12, "must be even", "must be odd"),
    (13, "146", "147"),
    (13, "15 \\equiv 1", "15 \\equiv 2"),
    (14, "-2 \\\\ -3", "2 \\\\ -3"),
    (14, "3 & 4", "3 & 5"),
    (14, "= -2,", "= 2,"),
    (15, "4ac", "2ac"),
    (15, "\\sqrt{25}", "\\sqrt{5}"),
    (15, "or $x = -2$", "or $x = 2$"),
    (15, "{2a}", "{a}"),
]
