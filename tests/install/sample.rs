// A program in Rust, over the C interface.
use std::ffi::{c_char, c_int, CStr, CString};
use std::os::raw::{c_double, c_void};
use std::ptr::{null, null_mut};

#[repr(C)]
struct Field {
    name: *const c_char,
    kind: c_int,
    text: *const c_char,
    integer: i64,
    real: c_double,
}

#[link(name = "syncline")]
extern "C" {
    fn syncline_init(directory: *const c_char, profile: *const c_char, error: *mut *mut c_void) -> c_int;
    fn syncline_open(root: *const c_char, flags: u32, store: *mut *mut c_void, error: *mut *mut c_void) -> c_int;
    fn syncline_record(store: *mut c_void, kind: *const c_char, fields: *const Field, count: usize,
        key: *const c_char, stage: c_int, timeout_ms: i64, receipt: *mut *mut c_void,
        error: *mut *mut c_void) -> c_int;
    fn syncline_receipt_path(receipt: *const c_void) -> *const c_char;
    fn syncline_receipt_free(receipt: *mut c_void);
    fn syncline_close(store: *mut c_void, timeout_ms: i64, error: *mut *mut c_void) -> c_int;
}

fn main() {
    let root = CString::new(std::env::args().nth(1).expect("a directory")).unwrap();
    let (name, text, kind) =
        (CString::new("title").unwrap(), CString::new("Hello from Rust").unwrap(), CString::new("note").unwrap());
    let (mut store, mut receipt) = (null_mut(), null_mut());
    unsafe {
        assert_eq!(syncline_init(root.as_ptr(), null(), null_mut()), 0);
        assert_eq!(syncline_open(root.as_ptr(), 1, &mut store, null_mut()), 0);
        let field = Field { name: name.as_ptr(), kind: 0, text: text.as_ptr(), integer: 0, real: 0.0 };
        let code = syncline_record(store, kind.as_ptr(), &field, 1, null(), 2, -1, &mut receipt, null_mut());
        assert_eq!(code, 0);
        let path = CStr::from_ptr(syncline_receipt_path(receipt)).to_str().unwrap().to_owned();
        syncline_receipt_free(receipt);
        assert_eq!(syncline_close(store, -1, null_mut()), 0);
        assert!(std::path::Path::new(root.to_str().unwrap()).join(&path).exists());
        println!("Rust: {path}");
    }
}
