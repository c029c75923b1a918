"""Time steps for stiff linear terms."""


def integrating_factor_rk4(state, tendency, half, full, dt):
    """One step of the classical Runge-Kutta method of order 4.

    The linear terms, diagonal, are integrated exactly: the method is applied
    to exp(-L t) w instead of w in dw/dt = L w + tendency(w).

    Parameters
    ----------
    state : array
        w.
    tendency : callable
        All but the linear terms.
    half, full : arrays that broadcast against state
        exp(L dt / 2) and exp(L dt).
    dt : float

    Returns
    -------
    state : array of the same shape
    """
    a = tendency(state)
    b = tendency(half * (state + dt / 2 * a))
    c = tendency(half * state + dt / 2 * b)
    d = tendency(full * state + dt * half * c)
    return full * (state + dt / 6 * a) + dt / 3 * half * (b + c) + dt / 6 * d
