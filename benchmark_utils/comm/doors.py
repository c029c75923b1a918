"""Ways around a counting communicator that ``mpi4py.MPI`` offers.

All public classes and functions of the module are local (``LOCAL_NAMES``),
replaced by doors that lead to a counting communicator, or refused; what a new
release adds is refused.
"""
from mpi4py import MPI
from mpi4py.util import pkl5

# Classes and functions that send nothing.
LOCAL_NAMES = frozenset("""
    BottomType BufferAutomaticType Datatype Errhandler Exception Group
    Grequest InPlaceType Info Message Op Pickle Prequest Status buffer memory
    Add_error_class Add_error_code Add_error_string Aint_add Aint_diff
    Alloc_mem Attach_buffer Compute_dims Detach_buffer Finalize Flush_buffer
    Free_mem Get_abi_fortran_info Get_abi_info Get_abi_version Get_address
    Get_error_class Get_error_string Get_hw_resource_info
    Get_library_version Get_processor_name Get_version Iflush_buffer Init
    Init_thread Is_finalized Is_initialized Is_thread_main Pcontrol
    Query_thread Register_datarep Remove_error_class Remove_error_code
    Remove_error_string Wtick Wtime get_vendor
    """.split())
COMMUNICATORS = {name: cls for name, cls in vars(MPI).items()
                 if isinstance(cls, type) and issubclass(cls, MPI.Comm)}
CALLS = {name: call for name, call in vars(MPI).items()
         if callable(call) and not isinstance(call, (type, MPI.Op))
         and not name.startswith("_")}
CLASSES = {name: cls for name, cls in vars(MPI).items()
           if isinstance(cls, type) and not name.startswith("_")}
# With a handle, compiled code sends past the ledger.
HANDLES = "_addressof", "_handleof"


class Door(type):
    """Class that stands for one of mpi4py, to which instances belong."""

    def __instancecheck__(cls, instance):
        return isinstance(instance, cls.behind)

    def __subclasscheck__(cls, other):
        return issubclass(other, cls.behind) or type.__subclasscheck__(
            cls, other)

    def __getattr__(cls, name):
        return getattr(cls.behind, name)


def door(cls, costs, counting, refused):
    """A class whose unbound methods are those of a counting communicator.

    Parameters
    ----------
    cls : class of mpi4py
    costs : dict
        Its keys are what a communicator may do; None for local calls.
    counting : class
    refused : function
        ``refused(name)`` is a call that raises.
    """
    def unbound(name):
        def call(comm, *args, **kwargs):
            if not isinstance(comm, counting):
                refused(f"{cls.__name__}.{name}")()
            return getattr(comm, name)(*args, **kwargs)
        return call

    calls = {"behind": cls, "__new__": refused(f"MPI.{cls.__name__}()")}
    for name in dir(cls):
        if name.startswith("_") or not callable(getattr(cls, name)):
            continue
        if name not in costs:
            calls[name] = staticmethod(refused(f"{cls.__name__}.{name}"))
        elif costs[name] is not None:
            calls[name] = unbound(name)
    return Door(cls.__name__, (), calls)


def close_doors(costs, counting, refused):
    """Replace what could send without being counted; see :func:`door`."""
    for name, cls in COMMUNICATORS.items():
        setattr(MPI, name, door(cls, costs, counting, refused))
        if hasattr(pkl5, name):
            setattr(pkl5, name, refused(f"pkl5.{name}"))
    handled = {*COMMUNICATORS, "Request", "Win", "File", *LOCAL_NAMES}
    for name in ({*CALLS, *CLASSES} - handled) | {*HANDLES}:
        setattr(MPI, name, refused(f"MPI.{name}"))
